"""Types of arguments for which the command line takes a text."""

import torch

from nas.data.frames import Counts
from nas.image_size import show_size
from nas.training.devices import pick_device

Device = str | torch.device | None
"""`"cpu"`, `"cuda"`, `"cuda:1"`, …; None: a GPU if there is one, else the CPU."""

Scaling = str | tuple[float, float] | None
"""Scale and offset of images without 8 or 16 bits, `"0.01,0"` or `(0.01, 0)`: value = offset + scale x count."""

Size = str | tuple[int, int]
"""Width and height in pixels, `"640x512"` or `(640, 512)`."""


def device_of(given: Device) -> torch.device:
    """Return the device with this name, or the best existing device. Raises InputError for a missing device."""
    return pick_device(None if given is None else str(given))


def parse_counts(given: Scaling) -> Counts | None:
    """Return scale and offset; None for None. Raises InputError."""
    if given is None:
        return None
    return Counts.parse(given if isinstance(given, str) else ",".join(map(str, given)))


def in_text(given: Size | None) -> str | None:
    """Return a size as the command line takes it; None for None."""
    return given if given is None or isinstance(given, str) else show_size(given)
