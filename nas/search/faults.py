"""Whose fault it was that a candidate could not be scored: the network's own, or the machine's.

What the machine did says nothing of the network: it must be tried again, and the next network would fare no better.
"""

import torch
from optuna.exceptions import OptunaError
from safetensors import SafetensorError
from sqlalchemy.exc import SQLAlchemyError

from nas.errors import InputError, NetworkError, RunError

_MACHINES = (
    OSError,
    MemoryError,
    EOFError,
    RunError,
    InputError,
    SafetensorError,
    SQLAlchemyError,
    OptunaError,
    ImportError,
)
"""A full disk, a file that can't be read, a device that doesn't answer, a database that is gone."""


def is_the_networks(error: Exception) -> bool:
    """Tell whether an error in scoring a candidate is the network's: it diverged, was too large, or can't be run."""
    if isinstance(error, NetworkError | torch.OutOfMemoryError):
        return True
    if isinstance(error, _MACHINES):
        return False
    return not _is_the_devices(error)


def _is_the_devices(error: Exception) -> bool:
    """Tell whether a GPU failed: after that, each call on it fails in this process."""
    return isinstance(error, torch.AcceleratorError)


def in_words(error: BaseException) -> str:
    """Return an error in one short line; our own are sentences already."""
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    if isinstance(error, InputError | RunError) and not isinstance(error, NetworkError):
        return first[:300]
    return f"{type(error).__name__}: {first}"[:300]
