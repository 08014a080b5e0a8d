from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from nas.objectives import resolve
from nas.search.history import MeasuredNetwork
from nas.search.schedule.rungs import Rungs

PSNR_MACS = resolve(("psnr", "macs"))
RUNGS = Rungs((10, 30, 90), reduction=3, objectives=PSNR_MACS)


def measured(
    name: str, macs: float, rungs: Mapping[int, float], *, is_open: bool = True, trial: int = 0
) -> MeasuredNetwork:
    figures = {steps: {"psnr": psnr} for steps, psnr in rungs.items()}
    return MeasuredNetwork(name, {"is": name}, {"macs": macs}, figures, trial, is_open)


networks = st.lists(
    st.tuples(st.floats(1e6, 1e11), st.lists(st.floats(20, 40), min_size=1, max_size=3), st.booleans()), max_size=20
).map(
    lambda rows: [
        measured(str(i), macs, dict(zip((10, 30, 90), psnrs, strict=False)), is_open=is_open)
        for i, (macs, psnrs, is_open) in enumerate(rows)
    ]
)


def test_of_three_on_the_first_rung_the_best_is_promoted() -> None:
    some = [measured("a", 1e9, {10: 30.0}), measured("b", 1e9, {10: 31.0})]
    assert RUNGS.next(some) is None
    some.append(measured("c", 1e9, {10: 30.5}))
    assert RUNGS.next(some) == some[1]


def test_a_small_network_is_not_killed_by_a_large_one() -> None:
    small, large = measured("small", 1e8, {10: 29.0}), measured("large", 1e11, {10: 35.0})
    between = [measured(str(i), 1e11, {10: 34.0 - i}) for i in range(4)]
    assert RUNGS.promoted([*between, small, large], 10) == [small, large]


def test_the_highest_rung_goes_first() -> None:
    low = [measured(f"low{i}", 1e9, {10: 30.0 + i}) for i in range(3)]
    high = [measured(f"high{i}", 1e9, {10: 33.0 + i, 30: 34.0 + i}) for i in range(3)]
    assert RUNGS.next([*low, *high]) == high[-1]


def test_what_is_being_trained_or_has_failed_is_not_promoted_again() -> None:
    some = [measured(str(i), 1e9, {10: 30.0 - i}) for i in range(5)]
    assert RUNGS.next([measured("best", 1e9, {10: 31.0}, is_open=False), *some]) == some[0]


@settings(deadline=None)
@given(networks)
def test_never_more_than_a_third_of_a_rung_has_earned_to_go_on(some: list[MeasuredNetwork]) -> None:
    for rung in (10, 30):
        there = [network for network in some if rung in network.rungs]
        assert len(RUNGS.promoted(some, rung)) <= len(there) // 3


def test_a_copy_that_is_no_better_does_not_go_on() -> None:
    """All gained the same so far, so a network below the front at its cost will stay there."""
    done = [measured(f"done{i}", 1e9, {10: 30.0 + i, 30: 31.0 + i, 90: 32.0 + i}) for i in range(5)]
    copies = [measured(f"copy{i}", 1e9, {10: 33.0 - i / 10}) for i in range(8)]
    assert RUNGS.next([*done, *copies]) is None
    better = measured("better", 1e9, {10: 34.5})
    assert RUNGS.next([*done, *copies, better]) == better


@settings(deadline=None)
@given(networks)
def test_promoting_until_none_is_left_ends_with_nobody_waiting_who_earned_it(some: list[MeasuredNetwork]) -> None:
    for _ in range(100):
        if (network := RUNGS.next(some)) is None:
            break
        assert network.is_open and network.steps < 90
        above = min(rung for rung in RUNGS.steps if rung > network.steps)
        some[some.index(network)] = measured(
            network.fingerprint,
            network.costs["macs"],
            {s: f["psnr"] for s, f in {**network.rungs, above: {"psnr": 30.0}}.items()},
        )
    for rung in (10, 30):
        assert not [network for network in RUNGS.promoted(some, rung) if network.is_open and network.steps == rung]


def test_at_the_end_what_may_be_on_the_front_is_trained_on_the_least_trained_first() -> None:
    cheap = measured("cheap", 1e8, {10: 28.0})
    good = measured("good", 1e10, {10: 31.0, 30: 33.0})
    dominated = measured("dominated", 2e10, {10: 30.0})
    done = measured("done", 5e9, {10: 30.0, 30: 31.0, 90: 32.0})
    assert RUNGS.last([dominated, good, cheap, done]) == cheap
    assert RUNGS.last([dominated, good, done]) == good
    assert RUNGS.last([done]) is None
    assert RUNGS.last([]) is None


def test_a_search_without_rungs_promotes_nobody() -> None:
    plain = Rungs((90,), reduction=1, objectives=PSNR_MACS)
    some = [measured(str(i), 1e9, {90: 30.0 + i}) for i in range(9)]
    assert plain.next(some) is None and plain.last(some) is None


def test_where_a_network_stands_is_said_in_words() -> None:
    some = [measured(name, 1e9, {10: psnr}) for name, psnr in {"a": 30.0, "b": 31.0, "c": 29.0}.items()]
    assert RUNGS.place_in_words(some, "a", 10) == "rung 10: place 2 of 3, the best 1 continue"
    assert RUNGS.place_in_words(some, "unknown", 10) == "rung 10: 3 networks, the best 1 continue"


def test_rungs_are_said_in_words() -> None:
    assert RUNGS.in_words == "on rungs of 10, 30 and 90 steps"
    assert Rungs((300,), reduction=1, objectives=PSNR_MACS).in_words == "300 steps each"
