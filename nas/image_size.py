"""The image that costs are counted for, in the words of a user: `1280x720`."""

import re

from nas.errors import InputError
from search_spaces.documents import shortened

Size = tuple[int, int]
"""Width, height."""


def parse_size(text: str) -> Size:
    """Read `1280x720`. Raises InputError."""
    match = re.fullmatch(r"([1-9]\d{0,4})\s*[xX×]\s*([1-9]\d{0,4})", text.strip(), re.ASCII)
    if match is None:
        raise InputError(f"'{shortened(text)}' is not an image size; write width and height in pixels, as 1280x720.")
    return int(match[1]), int(match[2])


def show_size(size: Size) -> str:
    """Print a size as it is read: 1280x720."""
    return f"{size[0]}x{size[1]}"


def hr_size(hr: str | None, lr: str | None, scale: int) -> Size | None:
    """Return the HR size that a user gave as it is or by its LR size; None for neither. Raises InputError for both."""
    if hr and lr:
        raise InputError("Give the HR size or the LR size, not both: one follows from the other.")
    if lr:
        width, height = parse_size(lr)
        return scale * width, scale * height
    return parse_size(hr) if hr else None


def check_size(size: Size, scale: int, minimum: int) -> None:
    """Raise InputError unless the LR image of an HR image of `size` has `minimum` pixels a side."""
    low = (size[0] // max(1, scale), size[1] // max(1, scale))
    if min(low) < minimum:
        raise InputError(
            f"An HR image of {show_size(size)} is too small: its LR image at x{scale} has {show_size(low)} pixels, "
            f"and the network needs {minimum} a side."
        )
