"""What every public function does beside its work: it leaves the process as it found it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nas.errors import InputError
from search_spaces import SpaceError, UnknownNameError


@contextmanager
def public_call() -> Iterator[None]:
    """Give torch its number of threads back, and raise InputError for whatever a user named wrong."""
    threads = torch.get_num_threads()
    try:
        yield
    except (SpaceError, UnknownNameError) as error:
        raise InputError(str(error)) from None
    finally:
        torch.set_num_threads(threads)


def check_counts(least: int, **counts: int | None) -> None:
    """Raise InputError unless each of `counts` that is given is a whole number of at least `least`."""
    for name, value in counts.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}.")
