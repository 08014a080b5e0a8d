import math

import pytest

from search_spaces.scalars import scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(text, None) for text in ("", "~", "null", "NULL")],
        *[(text, True) for text in ("true", "Yes", "ON")],
        *[(text, False) for text in ("false", "No", "OFF")],
        *[("0", 0), ("-12", -12), ("1_000", 1000), ("0xff", 255), ("9223372036854775807", 2**63 - 1)],
        *[("1.5", 1.5), (".5", 0.5), ("1e-3", 1e-3), ("-2E4", -2e4), (".inf", math.inf), ("-.INF", -math.inf)],
    ],
)
def test_an_unquoted_word_has_a_value(text: str, value: object) -> None:
    found = scalar(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("text", ["010", "1.2.3", "tRUE", "nulL", "2024-01-01", "12:30:45", "0o7", "_", "e5", "inf"])
def test_any_other_word_is_a_string(text: str) -> None:
    assert scalar(text) == text


def test_nan_is_a_number() -> None:
    found = scalar(".nan")
    assert isinstance(found, float) and math.isnan(found)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775808", "1" * 5000, "1e999", "-1e999"])
def test_a_number_that_64_bits_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text[:20]):
        scalar(text)
