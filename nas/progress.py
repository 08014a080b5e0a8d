"""How those who wait hear how far a count has come."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there are."""


class Ticker:
    """Counts what is done of `total`, and tells `progress` at every call."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, count: int = 1) -> None:
        """Count some more."""
        self._done += count
        if self._progress:
            self._progress(self._done, self._total)
