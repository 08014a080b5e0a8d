"""Who is told how trainings go: a display on the terminal, or the process that started this one."""

from contextlib import AbstractContextManager
from typing import Protocol

from nas.training.report import TrainingListener


class Audience(Protocol):
    """Follows any number of trainings at a time."""

    def training(self, label: str) -> AbstractContextManager[TrainingListener]:
        """A training goes on inside the `with`; its listener is told how far it is."""

    def say(self, line: str) -> None:
        """Something is to be known: what a training brought, or what went wrong."""
