"""The end of a search with a `--time`, on the clock that all processes of a machine share."""

import time
from dataclasses import dataclass

CLOSING_SECONDS, CLOSING_SHARE = 7.0, 0.12
"""Time after the last training, for the table and pictures of the front: seconds, but at most a share of the time."""


@dataclass(frozen=True)
class Deadline:
    """The end of a search's time. Can be pickled for other processes of this machine."""

    began: float
    """When the command was given, on `time.monotonic()`."""
    seconds: float
    """The whole time, in seconds."""

    @classmethod
    def after(cls, seconds: float | None, began: float) -> "Deadline | None":
        """Return the deadline of a command that was given at `began`; None if `seconds` is None."""
        return None if seconds is None else cls(began, seconds)

    @property
    def left(self) -> float:
        """The seconds left for trainings; 0 or less if the time is over."""
        return self.began + self.seconds - min(CLOSING_SECONDS, CLOSING_SHARE * self.seconds) - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether no time is left for trainings."""
        return self.left <= 0
