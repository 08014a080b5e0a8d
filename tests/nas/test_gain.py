import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.gain import Network, gain

BICUBIC = 34.0
networks = st.lists(st.builds(Network, st.floats(0.1, 20), st.floats(33, 38)), max_size=8)


def test_the_mean_is_the_area_between_two_staircases_per_octave() -> None:
    found = [Network(1, 35.0), Network(4, 36.0)]
    hand_made = [Network(2, 35.5)]
    result = gain(found, hand_made, low=1, high=8, floor=BICUBIC)
    # 1..2: 35.0 against bicubic; 2..4: 35.0 against 35.5; 4..8: 36.0 against 35.5; an octave each.
    assert result.mean == pytest.approx((1.0 - 0.5 + 0.5) / 3)
    assert result.least == pytest.approx(-0.5)
    assert result.at == {1.0: 0.5, 0.5: 0.5, 0.25: -0.5, 0.125: 1.0}


def test_networks_below_the_range_count_and_those_above_do_not() -> None:
    result = gain([Network(0.5, 35.0)], [Network(9, 37.0)], low=1, high=8, floor=BICUBIC)
    assert result.mean == pytest.approx(1.0)


def test_half_the_cost_at_equal_quality_is_a_saving_of_half() -> None:
    hand_made = [Network(2, 35.0), Network(4, 36.0), Network(8, 37.0)]
    found = [Network(network.cost / 2, network.quality) for network in hand_made]
    assert gain(found, hand_made, low=1, high=8, floor=BICUBIC).saving == pytest.approx(0.5)
    assert gain(hand_made, found, low=1, high=8, floor=BICUBIC).saving == pytest.approx(-1.0)


def test_without_a_quality_that_both_reach_there_is_no_saving() -> None:
    assert gain([Network(2, 36.0)], [], low=1, high=8, floor=BICUBIC).saving is None


def test_a_range_must_increase() -> None:
    with pytest.raises(ValueError, match="must increase"):
        gain([], [], low=8, high=8, floor=BICUBIC)


@given(networks, networks)
def test_swapping_both_sides_changes_the_sign(found: list[Network], hand_made: list[Network]) -> None:
    forth, back = (gain(a, b, 1, 8, BICUBIC) for a, b in ((found, hand_made), (hand_made, found)))
    assert forth.mean == pytest.approx(-back.mean, abs=1e-9)
    assert forth.least <= forth.mean + 1e-9


@given(networks)
def test_networks_gain_nothing_over_themselves(found: list[Network]) -> None:
    result = gain(found, found, 1, 8, BICUBIC)
    assert (result.mean, result.least) == (0, 0)
    assert result.saving in (None, pytest.approx(0))
