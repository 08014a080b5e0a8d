import math

import pytest

from nas.duration import duration, show_duration
from nas.errors import InputError


@pytest.mark.parametrize(("given", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), (7, 7), (0.5, 0.5)])
def test_a_time_is_in_words_or_in_seconds(given: str | float, seconds: float) -> None:
    assert duration(given) == seconds


def test_no_time_stays_none() -> None:
    assert duration(None) is None


@pytest.mark.parametrize("given", ["", "20", "20 minutes", "-1s", "9000h", 0, -1, math.inf, math.nan, 1e9])
def test_what_is_no_time_is_refused(given: str | float) -> None:
    with pytest.raises(InputError, match=r"write (it|a time) as 90s, 20m or 2h"):
        duration(given)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "1s"), (90, "90s"), (300, "5m"), (301, "6m"), (7199, "120m"), (7200, "2h"), (9000, "3h")],
)
def test_a_time_is_shown_rounded_up(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown
    assert (duration(shown) or 0) >= seconds
