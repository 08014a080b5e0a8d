"""The cause of a failed scoring: the network, or the machine.

After a fault of the machine the network must be tried again, and the next network would fail as well.
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
"""Errors of the machine: a full disk, an unreadable file, a device or a database that does not answer."""


def is_the_networks(error: Exception) -> bool:
    """Return whether a scoring failed by the network: it diverged, is too large, or can't be run."""
    if isinstance(error, NetworkError | torch.OutOfMemoryError):
        return True
    if isinstance(error, _MACHINES):
        return False
    return not _is_the_devices(error)


def _is_the_devices(error: Exception) -> bool:
    """Return whether a GPU failed. After that, every call on it fails in this process."""
    return isinstance(error, torch.AcceleratorError)


def in_words(error: BaseException) -> str:
    """Return an error in one short line of at most 300 characters; errors of this project are sentences already."""
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    if isinstance(error, InputError | RunError) and not isinstance(error, NetworkError):
        return first[:300]
    return f"{type(error).__name__}: {first}"[:300]
