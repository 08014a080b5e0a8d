"""The device that a training runs on."""

import torch

from nas.errors import InputError


def pick_device(name: str | None = None) -> torch.device:
    """Return the named device; without a name, a GPU if there is one, else the CPU.

    Raises InputError for a device that this machine doesn't have.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        raise InputError(f"The device '{name}' is not there.") from None
    return device
