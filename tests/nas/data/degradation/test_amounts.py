import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data.degradation.amounts import Amount, Range, within

NUMBERS = st.floats(0, 1000).map(lambda value: round(value, 3))


@pytest.mark.parametrize(
    ("written", "constant", "slope"),
    [
        (3, 3, 0),
        (0.25, 0.25, 0),
        ("3", 3, 0),
        ("1e-3", 0.001, 0),
        ("scale", 0, 1),
        ("0.5 scale", 0, 0.5),
        ("0.5 * scale", 0, 0.5),
        ("2 + 0.2 scale", 2, 0.2),
        ("4 - scale", 4, -1),
        ("4+scale", 4, 1),
    ],
)
def test_an_amount_is_a_number_or_one_that_grows_with_the_scale(written: object, constant: float, slope: float) -> None:
    assert Amount.parse(written) == Amount(constant, slope)
    assert Amount.parse(written).at(3) == constant + 3 * slope


@pytest.mark.parametrize("wrong", ["", "x", "2 scale 3", "scale scale", "2 +", None, True, [1], "0.2 factor"])
def test_anything_else_is_not_an_amount(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        Amount.parse(wrong)


@given(NUMBERS, NUMBERS, st.booleans())
def test_a_range_reads_what_it_writes(constant: float, slope: float, is_fixed: bool) -> None:
    low = Amount(constant, slope)
    written = Range(low, low if is_fixed else Amount(constant + 1, slope))
    assert Range.parse(written.plain()) == written
    assert written.is_fixed == is_fixed


@pytest.mark.parametrize("wrong", [[1], [1, 2, 3], []])
def test_a_range_has_two_ends(wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="least, most"):
        Range.parse(wrong)


@pytest.mark.parametrize("wrong", [[2, 1], [-1, 1], [0, 11], [0, "3 scale"], ["3 - scale", 5]])
def test_a_range_must_lie_within_its_limits_at_every_scale(wrong: list[object]) -> None:
    with pytest.raises(ValueError, match="must be a range within 0 to 10"):
        within(0, 10).func(Range.parse(wrong))
