"""The memory that an image may take. It is checked from the header, before pixels are decoded."""

import math
import os
from pathlib import Path

from nas.data.files.unreadable import UnreadableImageError
from nas.errors import InputError

MAX_MEGAPIXELS = "NAS_MAX_IMAGE_MPIXELS"
"""The environment variable with the limit in megapixels."""

_DEFAULT = 400.0
_PLAUSIBLE, _FLOOR = 3000, 1 << 20
"""A file may decode to 3000 times its size, or to 1 MiB: Deflate and JPEG reach about 1,000 times, LZW 2,500 times."""


def max_samples() -> int:
    """Return the maximum number of values of an image. Raises InputError if the environment variable is no number."""
    text = os.environ.get(MAX_MEGAPIXELS, "")
    try:
        megapixels = float(text) if text else _DEFAULT
    except ValueError:
        megapixels = math.nan
    if not 0 < megapixels < math.inf:
        raise InputError(f"{MAX_MEGAPIXELS} is '{text}', but a number of megapixels above 0 is needed, such as 400.")
    return int(megapixels * 1e6)


def check_size(path: Path, width: int, height: int, samples: int, itemsize: int, stored: int) -> None:
    """Raise UnreadableImageError for a size beyond the limit, or too large for a file of `stored` bytes.

    `samples` is the number of values of a pixel (or of frames that are decoded together), `itemsize` the bytes of each.
    """
    size, most = f"{width} x {height} pixels", max_samples()
    if width < 1 or height < 1 or samples < 1:
        raise UnreadableImageError(path, f"says that it has {size}")
    if width * height * samples > most:
        several = f" of {samples} values" if samples > 1 else ""
        raise UnreadableImageError(
            path, f"says that it has {size}{several}, but {MAX_MEGAPIXELS} allows {most / 1e6:g} million values"
        )
    if width * height * samples * itemsize > _PLAUSIBLE * stored + _FLOOR:
        raise UnreadableImageError(path, f"says that it has {size}, which its {stored} bytes can't hold; it is damaged")


def check_file(path: Path, stored: int) -> None:
    """Raise UnreadableImageError for a file with more bytes than the largest image needs."""
    if stored > 8 * max_samples() + _FLOOR:
        raise UnreadableImageError(
            path, f"has {stored} bytes, more than {MAX_MEGAPIXELS} ({max_samples() / 1e6:g}) allows"
        )
