"""When a search with a `--time` must have ended, on the clock that all processes of a machine share."""

import time
from dataclasses import dataclass

CLOSING_SECONDS, CLOSING_SHARE = 7.0, 0.12
"""What a search takes after its last training, for the front's table and pictures; of a short time this share."""


@dataclass(frozen=True)
class Deadline:
    """The end of a search's time. It may be pickled for other processes of this machine."""

    began: float
    """On `time.monotonic()`: when the command was given."""
    seconds: float
    """The whole time."""

    @classmethod
    def after(cls, seconds: float | None, began: float) -> "Deadline | None":
        """Return the deadline of a command that was given at `began`; None where there is no time."""
        return None if seconds is None else cls(began, seconds)

    @property
    def left(self) -> float:
        """The seconds that are left for trainings; at most 0 when there are none."""
        return self.began + self.seconds - min(CLOSING_SECONDS, CLOSING_SHARE * self.seconds) - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether no time is left for trainings."""
        return self.left <= 0
