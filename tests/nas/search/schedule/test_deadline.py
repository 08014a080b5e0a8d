import time

import pytest

from nas.search.schedule.deadline import Deadline


def test_a_search_without_a_time_has_no_deadline() -> None:
    assert Deadline.after(None, time.monotonic()) is None


@pytest.mark.parametrize(("seconds", "closing"), [(3600.0, 7.0), (10.0, 1.2)])
def test_time_for_the_front_is_kept_and_a_share_of_a_short_time(seconds: float, closing: float) -> None:
    deadline = Deadline(time.monotonic(), seconds)
    assert deadline.left == pytest.approx(seconds - closing, abs=0.5)
    assert not deadline.is_over


def test_what_loading_took_is_part_of_the_time() -> None:
    deadline = Deadline(time.monotonic() - 9.5, 10.0)
    assert deadline.is_over and deadline.left < 0
