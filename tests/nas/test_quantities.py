import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.quantities import memory_size, quantity, short


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (300_000_000_000, "300G"),
        (1_200_000, "1.2M"),
        (1_234_000, "1.234M"),
        (1_234_500, "1234.5K"),
        (1_234_567, "1234.567K"),
        (999, "999"),
        (1_000, "1K"),
        (0, "0"),
    ],
)
def test_a_quantity_is_exact(count: int, text: str) -> None:
    assert quantity(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (235_003_852_800, "235.0G"),
        (74_502_144_000, "74.50G"),
        (5_540_000_000, "5.540G"),
        (25_001, "25.00K"),
        (1_000, "1.000K"),
        (999_960, "1.000M"),
        (99_996, "100.0K"),
        (9_999.6, "10.00K"),
        (812, "812"),
        (0, "0"),
    ],
)
def test_a_short_count_has_four_digits(count: float, text: str) -> None:
    assert short(count) == text


@given(st.integers(1_000, 10**15 - 10**11))
def test_a_short_count_always_has_four_digits_and_is_right_to_them(count: int) -> None:
    text = short(count)
    factor = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}[text[-1]]
    assert len(text[:-1].replace(".", "")) == 4
    assert float(text[:-1]) * factor == pytest.approx(count, rel=5.1e-4)


@pytest.mark.parametrize(("count", "text"), [(64 * 2**20, "64MiB"), (1536 * 2**20, "1.5GiB"), (100, "100B"), (0, "0B")])
def test_bytes_have_binary_prefixes(count: int, text: str) -> None:
    assert memory_size(count) == text
