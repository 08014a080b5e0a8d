"""Values of any type become 16-bit counts by a scale, and counts become such values again."""

from pathlib import Path

import numpy as np
import pytest

from nas.data.files.counts import as_counts, check_type, from_counts, is_scaled
from nas.data.files.meaning import Counts
from nas.data.files.unreadable import UnreadableImageError

NOWHERE = Path("a.tif")
KELVIN = Counts(scale=0.01)
CELSIUS = Counts(scale=0.01, offset=-50)


@pytest.mark.parametrize(
    ("dtype", "scaled"), [("uint8", False), (">u2", False), ("bool", False), ("int16", True), ("float32", True)]
)
def test_types_of_counts_need_no_scale(dtype: str, scaled: bool) -> None:
    assert is_scaled(np.dtype(dtype)) == scaled


def test_a_type_is_checked_without_the_values() -> None:
    for dtype in ("uint8", "uint16", "int16", "bool"):
        check_type(NOWHERE, np.dtype(dtype), None)
    for dtype in ("float32", "int32", "uint32"):
        check_type(NOWHERE, np.dtype(dtype), KELVIN)
        with pytest.raises(UnreadableImageError, match="--counts"):
            check_type(NOWHERE, np.dtype(dtype), None)
    with pytest.raises(UnreadableImageError, match="complex64"):
        check_type(NOWHERE, np.dtype("complex64"), KELVIN)


def test_counts_stay_counts_in_native_byte_order() -> None:
    values = np.array([[0, 256, 65535]], ">u2")
    found = as_counts(NOWHERE, values, KELVIN)
    assert found.dtype == np.uint16
    assert found.tolist() == [[0, 256, 65535]]


def test_a_temperature_becomes_the_nearest_count_and_comes_back() -> None:
    values = np.array([[-50.0, 0.004, 0.006, 605.35]], np.float32)
    counts = as_counts(NOWHERE, values, CELSIUS)
    assert counts.tolist() == [[0, 5000, 5001, 65535]]
    back = from_counts(counts, values.dtype, CELSIUS)
    assert back.dtype == np.float32
    assert np.abs(back - values).max() <= 0.0051


def test_signed_integers_need_a_scale_only_for_negative_values() -> None:
    assert as_counts(NOWHERE, np.array([[0, 32767]], np.int16), None).tolist() == [[0, 32767]]
    with pytest.raises(UnreadableImageError, match="-1"):
        as_counts(NOWHERE, np.array([[-1, 32767]], np.int16), None)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.01, 655.36])
def test_a_value_without_a_count_is_refused(wrong: float) -> None:
    with pytest.raises(UnreadableImageError):
        as_counts(NOWHERE, np.array([[1.0, wrong]]), KELVIN)


def test_integers_end_at_the_limits_of_their_type() -> None:
    counts = np.array([[0, 40_000, 65535]], np.uint16)
    assert from_counts(counts, np.dtype("int16"), None).tolist() == [[0, 32767, 32767]]
    assert from_counts(counts, np.dtype("int32"), Counts(scale=2, offset=-10)).tolist() == [[-10, 79_990, 131_060]]


def test_counts_of_eight_and_sixteen_bits_are_given_back_unchanged() -> None:
    for dtype in (np.uint8, np.uint16):
        counts = np.array([[1, 2]], dtype)
        assert from_counts(counts, counts.dtype, KELVIN) is counts
