"""Lines that must fit: what is most important stays."""

import pytest

from nas.report.lines import Part, bar, cut, fit, in_order, span

PARTS = [Part("first:18"), Part("━━━", 2), Part("12/90 steps"), Part("", 9), Part("31.46 dB", 1)]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (80, "first:18  ━━━  12/90 steps  31.46 dB"),
        (35, "first:18  12/90 steps  31.46 dB"),
        (30, "first:18  12/90 steps"),
        (12, "first:18  1…"),
        (1, "…"),
        (0, ""),
    ],
)
def test_the_least_important_part_goes_first_and_then_the_line_is_cut(width: int, line: str) -> None:
    assert fit(PARTS, width) == line


def test_of_parts_in_order_the_last_goes_first() -> None:
    assert fit(in_order("12 of 40", "18 min gone", "6 min left"), 24, ", ") == "12 of 40, 18 min gone"


def test_a_text_that_fits_is_not_cut() -> None:
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "ab…")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (1080, "18 min"),
        (5399, "1 h 30 min"),
        (7500, "2 h 05 min"),
        (172_800, "2 days"),
    ],
)
def test_a_time_stands_in_the_unit_that_fits_it(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_a_bar_shows_a_share_and_no_more_than_all() -> None:
    assert (bar(0.5, 4), bar(0, 3), bar(7, 3), bar(-1, 2)) == ("━━──", "───", "━━━", "──")
