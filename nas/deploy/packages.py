"""Packages that only exports and latencies need, and how to silence them."""

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from nas.errors import InputError


def required(module: str) -> Any:
    """Import a package that only exports and latencies need, because the import takes a second.

    Raises InputError if the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(f"The package {module} is missing: pip install -c constraints.txt -e .") from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what exporters and converters print: progress, warnings and log."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
