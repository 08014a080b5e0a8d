"""The size of the image for which costs are counted, as users write it: `1280x720`."""

import re

from nas.errors import InputError
from search_spaces.documents import shortened

Size = tuple[int, int]
"""(width, height) in pixels."""


def parse_size(text: str) -> Size:
    """Read `1280x720`. Raises InputError for anything else."""
    match = re.fullmatch(r"([1-9]\d{0,4})\s*[xX×]\s*([1-9]\d{0,4})", text.strip(), re.ASCII)
    if match is None:
        raise InputError(f"'{shortened(text)}' is not an image size; write width and height in pixels, as 1280x720.")
    return int(match[1]), int(match[2])


def show_size(size: Size) -> str:
    """Return a size as text: 1280x720."""
    return f"{size[0]}x{size[1]}"


def hr_size(hr: str | None, lr: str | None, scale: int) -> Size | None:
    """Return the HR size, given directly or by the LR size; None if neither is given. Raises InputError for both."""
    if hr and lr:
        raise InputError("Give the HR size or the LR size, not both: one follows from the other.")
    if lr:
        width, height = parse_size(lr)
        return scale * width, scale * height
    return parse_size(hr) if hr else None


def check_size(size: Size, scale: int, minimum: int) -> None:
    """Raise InputError unless the LR image of an HR image of `size` has `minimum` pixels on each side."""
    low = (size[0] // max(1, scale), size[1] // max(1, scale))
    if min(low) < minimum:
        raise InputError(
            f"An HR image of {show_size(size)} is too small: its LR image at x{scale} has {show_size(low)} pixels, "
            f"and the network needs {minimum} on each side."
        )
