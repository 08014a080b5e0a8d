"""The listener of several trainings: a display on the terminal, or the process that started this process."""

from contextlib import AbstractContextManager
from typing import Protocol

from nas.training.report import TrainingListener


class Listener(Protocol):
    """Follows any number of trainings at the same time."""

    def training(self, label: str) -> AbstractContextManager[TrainingListener]:
        """Follow a training inside the `with`; what is yielded takes the reports of this training."""

    def say(self, line: str) -> None:
        """Take a message: the result of a training, or what went wrong."""
