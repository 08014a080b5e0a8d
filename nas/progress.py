"""Reports on the progress of a count."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (number done, total number)."""


class Ticker:
    """Counts finished items of `total`, and calls `progress` after each."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, count: int = 1) -> None:
        """Count more items as finished."""
        self._done += count
        if self._progress:
            self._progress(self._done, self._total)
