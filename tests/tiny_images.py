"""The data set of most tests: few and small crops of real images."""

from pathlib import Path

from nas.data.images import read_image, write_image
from nas.data.layout import list_parts


def write_tiny_data(infrared: Path, folder: Path) -> Path:
    """Write four training and two validation images, 96 x 80 crops of those in `infrared`, as 8-bit PNG."""
    for part, listing, count in zip(("train", "val"), list_parts(infrared, 2, "bicubic"), (4, 2), strict=True):
        (folder / part).mkdir(parents=True)
        for source in listing.sources[:count]:
            write_image(folder / part / f"{source.hr.path.stem}.png", read_image(source.hr)[100:180, 100:196])
    return folder
