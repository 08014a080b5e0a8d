"""Precision in mixed-precision training: what must stay in float32."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def at_least_single(image: Tensor) -> Tensor:
    """Return a half-precision image as float32, and any other image unchanged.

    Autocast leaves interpolation alone, but its input may have half precision. A skip carries the image, so the image
    stays in float32.
    """
    return image.to(torch.promote_types(image.dtype, torch.float32))


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which autocast is off."""
    if torch.amp.is_autocast_available(device.type):  # not on the meta device
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
