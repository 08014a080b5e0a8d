"""Why a worker ended, and how the endings of several workers become the ending of the search."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Ending(Enum):
    """Why a worker ended. The ending of a search is the first, in this order, of its workers' endings."""

    DONE = "done"
    """All candidates were tried, and the front is trained to the end."""
    FLAT = "flat"
    """The hypervolume no longer grows."""
    TIME_IS_UP = "time is up"
    STOPPED = "stopped"
    """Ctrl-C or a signal; the candidate in training continues from its checkpoint."""
    NOTHING_NEW = "nothing new"
    """Too many candidates in a row were over budget or tried before."""
    ALL_FAIL = "all fail"
    """Too many candidates in a row failed by their own fault."""


@dataclass(frozen=True)
class Ended:
    """A worker's ending, with a few words for the user."""

    ending: Ending
    words: str

    @property
    def is_final(self) -> bool:
        """Whether the same command would have nothing left to do."""
        return self.ending in (Ending.DONE, Ending.FLAT)


def joint(endings: Iterable[Ended]) -> Ended | None:
    """Return the ending of a search from the endings of its workers; None if no worker returned an ending."""
    order = list(Ending)
    return min(endings, key=lambda ended: order.index(ended.ending), default=None)
