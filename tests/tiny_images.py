"""The data set of most tests, a few small crops of real images; and pixels as the tensors that networks take."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nas.data.images import Pixels, peak_of, read_image, write_image
from nas.data.layout import list_parts


def write_tiny_data(infrared: Path, folder: Path) -> Path:
    """Write four training and two validation images as 8-bit PNG: 96 x 80 crops of the images in `infrared`."""
    for part, listing, count in zip(("train", "val"), list_parts(infrared, 2, "bicubic"), (4, 2), strict=True):
        (folder / part).mkdir(parents=True)
        for source in listing.sources[:count]:
            write_image(folder / part / f"{source.hr.path.stem}.png", read_image(source.hr)[100:180, 100:196])
    return folder


def to_tensor(pixels: Pixels) -> Tensor:
    """Convert uint8 or uint16 [H, W] to float32 [1, 1, H, W] in 0..1; the type's largest value becomes 1."""
    image = torch.from_numpy(pixels.astype(np.float32)) / peak_of(pixels.dtype)
    return image[None, None]
