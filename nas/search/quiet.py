"""Silence of Optuna during a search: this project prints the messages on storage and samplers itself."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Show only errors of Optuna, without warnings on experimental features, and restore its settings afterwards.

    Like `warnings.catch_warnings`, it is not safe for several threads.
    """
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
