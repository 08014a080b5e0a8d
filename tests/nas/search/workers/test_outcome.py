"""When a row of refused or failed candidates ends a search, and what a waiting worker prints."""

import pytest

from nas.search.schedule.ending import Ending
from nas.search.workers.outcome import MOST_FAILED, MOST_REFUSED, Streak, WaitingNote


def test_a_search_goes_on_below_both_limits() -> None:
    assert Streak(refused=MOST_REFUSED - 1, failed=MOST_FAILED - 1).ended is None


@pytest.mark.parametrize(
    ("streak", "ending"),
    [
        (Streak(refused=MOST_REFUSED), Ending.NOTHING_NEW),
        (Streak(failed=MOST_FAILED), Ending.ALL_FAIL),
        (Streak(refused=MOST_REFUSED, failed=MOST_FAILED), Ending.NOTHING_NEW),
    ],
)
def test_a_long_row_ends_the_search(streak: Streak, ending: Ending) -> None:
    assert streak.ended is not None and streak.ended.ending == ending


def test_awaited_trials_are_printed_once_and_again_when_they_change() -> None:
    said: list[str] = []
    note = WaitingNote(said.append)
    for trials in ((3, 4), (3, 4), (), (4,)):
        note.note(trials)
    assert said == [
        "waiting for trials 3, 4, which other workers train or have left behind",
        "waiting for trial 4, which other workers train or have left behind",
    ]
