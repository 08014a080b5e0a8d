"""Why a worker's part of a search ended, and what that makes of the whole search."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Ending(Enum):
    """Why a worker ended; of several workers' endings the first in this order is the search's."""

    DONE = "done"
    """As many candidates as were asked for were tried, and the front is trained to the end."""
    FLAT = "flat"
    """The hypervolume no longer grows."""
    TIME_IS_UP = "time is up"
    STOPPED = "stopped"
    """By Ctrl-C or a signal; what was in training goes on from its checkpoint."""
    NOTHING_NEW = "nothing new"
    """Candidates in a row were over budget or known already."""
    ALL_FAIL = "all fail"
    """Candidates in a row failed by themselves."""


@dataclass(frozen=True)
class Ended:
    """A worker's ending, and in a few words what there is to say of it."""

    ending: Ending
    words: str

    @property
    def is_final(self) -> bool:
        """Whether the same command would have nothing more to do."""
        return self.ending in (Ending.DONE, Ending.FLAT)


def joint(endings: Iterable[Ended]) -> Ended | None:
    """Return the ending of a search from those of its workers; None where no worker came to an end."""
    order = list(Ending)
    return min(endings, key=lambda ended: order.index(ended.ending), default=None)
