"""The error of a file that can't be used as an image."""

from pathlib import Path
from typing import Any

import numpy as np

from nas.errors import InputError

Pixels = np.ndarray[Any, np.dtype[Any]]
"""An image as read from a file: uint8 or uint16, [H, W]."""

DAMAGED = "is truncated, damaged or not an image"


class UnreadableImageError(InputError):
    """A file can't be used as an image. `reason` is the message without the path."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it survives pickling
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path} {self.reason}."
