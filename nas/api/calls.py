"""The frame of all public functions: they check arguments, and leave the process as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nas.errors import InputError
from nas.search.option import MANY
from nas.search.request import Request, options
from search_spaces import SpaceError, UnknownNameError


@contextmanager
def public_call() -> Iterator[None]:
    """Restore torch's number of threads afterwards, and turn errors about spaces and names into InputError."""
    threads = torch.get_num_threads()
    try:
        yield
    except (SpaceError, UnknownNameError) as error:
        raise InputError(str(error)) from None
    finally:
        torch.set_num_threads(threads)


def check_counts(least: int, most: int = MANY, **counts: int | None) -> None:
    """Raise InputError unless each of `counts` is None or a whole number from `least` to `most`."""
    for name, value in counts.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            upper = "" if most == MANY else f" and at most {most}"
            raise InputError(f"{name} must be a whole number of at least {least}{upper}, not {value!r}.")


def check_request(request: Request) -> None:
    """Raise InputError unless the numbers of a request are within the limits of their options."""
    for name, option in options().items():
        if option.kind is int:
            most = MANY if option.most is None else option.most
            check_counts(option.least or 0, most, **{name: getattr(request, name)})
