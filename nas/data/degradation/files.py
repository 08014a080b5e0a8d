"""The LR image of an HR image, in integers of a file."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nas.data.degradation.draws import Draws
from nas.data.degradation.named import Description, get_degradation
from nas.data.frames import Frame
from nas.data.images import Pixels, UnreadableImageError, read_image


def low_resolution(hr: Pixels, scale: int, degradation: Description) -> Pixels:
    """Return the LR image of `hr` (uint8 or uint16 [H, W]), [H // scale, W // scale] of the same type.

    Rows and columns of the HR image beyond a multiple of the scale are left out. The result is rounded and clipped.
    Raises InputError for an unknown degradation.
    """
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    maker = get_degradation(degradation)
    levels = maker.levels(hr)
    whole = levels.values(torch.from_numpy(hr[: height * scale, : width * scale].astype(np.float32)))
    lr = levels.integers(maker(whole[None, None], scale))[0, 0]
    return lr.numpy().astype(hr.dtype)


def read_low_resolution(hr: Pixels, scale: int, file: Frame, read: Callable[[Frame], Pixels] = read_image) -> Pixels:
    """Return the LR image of `hr` (uint8 or uint16 [H, W]) from `file`, read by `read`.

    Raises UnreadableImageError if its size or bit depth doesn't fit.
    """
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    lr = read(file)
    if lr.shape != (height, width):
        sizes = f"{lr.shape[1]} x {lr.shape[0]} pixels, but its HR image needs {width} x {height} at x{scale}"
        raise UnreadableImageError(file.path, f"is an LR image of {sizes}")
    if lr.dtype != hr.dtype:
        raise UnreadableImageError(file.path, f"is {lr.dtype}, but its HR image is {hr.dtype}")
    return lr


def gaussian_noise(hr: Tensor, scale: int) -> Tensor:
    """Return normal numbers with mean 0 and deviation 1 for the LR images of `hr`, for functions of plugins.

    The pixels of an image are its seed, so its noise is always the same, and depends neither on other images nor on
    their order.
    """
    shape = (1, hr.shape[1], hr.shape[2] // scale, hr.shape[3] // scale)
    return torch.cat([Draws.of_image(image, scale).normal(*shape) for image in hr.float().cpu().split(1)]).to(hr.device)
