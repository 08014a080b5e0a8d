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
