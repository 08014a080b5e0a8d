import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.budget import Budget
from nas.errors import InputError
from nas.objectives import resolve
from nas.search.front import (
    Candidate,
    best_under,
    hypervolume,
    hypervolume_unit,
    knee,
    pareto_front,
    pick_from_front,
    reference_point,
)
from nas.search.interest import Interest
from search_spaces import Architecture

G = 10**9
AIMS = resolve(("psnr", "macs"))
ARCHITECTURE = Architecture.published("moremnas/MoreMNAS-C")


def candidate(trial: int, psnr: float, gmacs: float) -> Candidate:
    figures = {"psnr": psnr, "ssim": 0.9, "macs": round(gmacs * G), "params": 1000}
    return Candidate(trial, ARCHITECTURE, f"run:{trial}", figures, 1.0)


def timed(of: Candidate, latency: float) -> Candidate:
    return replace(of, figures={**of.figures, "latency": latency})


CANDIDATES = [
    candidate(0, 30.0, 10),
    candidate(1, 32.0, 20),
    candidate(2, 31.0, 30),  # dearer and worse than 1
    candidate(3, 33.0, 40),
    candidate(4, 29.0, 10),  # as dear as 0 and worse
]
FRONT = [CANDIDATES[0], CANDIDATES[1], CANDIDATES[3]]

any_candidate = st.builds(
    candidate, st.integers(0, 1000), st.integers(250, 400).map(lambda tenths: tenths / 10), st.integers(1, 100)
)
any_candidates = st.lists(any_candidate, max_size=20)


def test_the_front_holds_what_nothing_beats_cheapest_first() -> None:
    assert pareto_front(CANDIDATES, AIMS) == FRONT
    assert pareto_front([], AIMS) == []


def test_of_equals_the_earliest_is_on_the_front() -> None:
    twins = [candidate(7, 30.0, 10), candidate(3, 30.0, 10)]
    assert [member.trial for member in pareto_front(twins, AIMS)] == [3]


@given(any_candidates)
def test_no_member_of_a_front_beats_another_and_each_other_candidate_is_beaten(candidates: list[Candidate]) -> None:
    front = pareto_front(candidates, AIMS)
    for member in front:
        assert not any(o.psnr >= member.psnr and o.macs <= member.macs for o in front if o is not member)
    for other in candidates:
        assert any(member.psnr >= other.psnr and member.macs <= other.macs for member in front)


@given(any_candidates)
def test_the_front_of_a_front_is_itself(candidates: list[Candidate]) -> None:
    assert pareto_front(pareto_front(candidates, AIMS), AIMS) == pareto_front(candidates, AIMS)


@given(st.permutations(CANDIDATES))
def test_the_order_of_the_candidates_has_no_influence(candidates: list[Candidate]) -> None:
    assert pareto_front(candidates, AIMS) == FRONT
    assert knee(candidates, AIMS) == knee(CANDIDATES, AIMS)
    assert pick_from_front(candidates, 2, AIMS) == pick_from_front(CANDIDATES, 2, AIMS)


def area(candidates: Sequence[Candidate], psnr: float, gmacs: float) -> float:
    return hypervolume(candidates, AIMS, {"psnr": psnr, "macs": gmacs * G})


def test_hypervolume_is_the_area_up_to_the_reference_in_octaves() -> None:
    assert area([candidate(0, 30.0, 10)], 28.0, 40) == pytest.approx(2 * 2)
    # 2 dB x 3 octaves below the first step, 2 x 2 above it, 1 x 1 on top.
    assert area(CANDIDATES, 28.0, 80) == pytest.approx(6 + 4 + 1)


def test_half_the_cost_is_worth_the_same_everywhere() -> None:
    small, large = ([candidate(0, 30.0, 2 * g), candidate(1, 30.0, g)] for g in (1, 16))
    assert area(small, 28.0, 32) - area(small[:1], 28.0, 32) == pytest.approx(2)
    assert area(large, 28.0, 32) - area(large[:1], 28.0, 32) == pytest.approx(2)


def test_what_is_beyond_the_reference_counts_nothing() -> None:
    assert area([], 28.0, 50) == 0
    assert area(CANDIDATES, 28.0, 10) == 0
    assert area(CANDIDATES, 33.0, 50) == 0
    assert area(CANDIDATES, 31.5, 40) == pytest.approx(0.5)


@given(any_candidates, st.data())
def test_a_dominated_candidate_leaves_the_hypervolume_alone(candidates: list[Candidate], data: st.DataObject) -> None:
    if candidates:
        better = data.draw(st.sampled_from(candidates))
        worse = candidate(better.trial, better.psnr - data.draw(st.integers(0, 5)), better.macs / G + 1)
        assert area([*candidates, worse], 25.0, 101) == pytest.approx(area(candidates, 25.0, 101))


@given(any_candidates, any_candidate)
def test_another_candidate_never_lowers_the_hypervolume(candidates: list[Candidate], another: Candidate) -> None:
    assert area([*candidates, another], 25.0, 101) >= area(candidates, 25.0, 101) - 1e-9


@pytest.mark.parametrize(
    ("names", "unit"),
    [
        ("psnr,macs", "dB·octaves"),
        ("psnr,ssim,params", "dB·SSIM·octaves"),
        ("ssim,macs,latency,memory", "SSIM·octaves³"),
    ],
)
def test_a_hypervolume_says_what_it_is_in(names: str, unit: str) -> None:
    assert hypervolume_unit(resolve(names.split(","))) == unit


def test_the_reference_is_bicubic_at_the_budget_or_at_the_dearest_candidate() -> None:
    limits = (Budget(50 * G, "MACs"), Budget(45 * G, "MACs"))
    assert reference_point(CANDIDATES, AIMS, (28.0, 0.8), limits) == {"psnr": 28.0, "macs": 45 * G}
    assert reference_point(CANDIDATES, AIMS, (28.0, 0.8), ()) == {"psnr": 28.0, "macs": 40 * G}
    others = resolve(("ssim", "macs", "params"))
    assert reference_point(CANDIDATES, others, (28.0, 0.8), limits) == {"ssim": 0.8, "macs": 45 * G, "params": 1000}


def test_a_third_objective_brings_more_to_the_front() -> None:
    quick, slow = timed(CANDIDATES[1], 30.0), timed(CANDIDATES[3], 60.0)
    quickest = timed(CANDIDATES[2], 10.0)  # dearer and worse than the first, but quicker
    aims = resolve(("psnr", "macs", "latency"))
    assert pareto_front([quick, slow, quickest], aims) == [quick, quickest, slow]
    assert pareto_front([quick, slow, quickest], AIMS) == [quick, slow]
    assert pick_from_front([quick, slow, quickest], 3, aims) == [slow, quick]


def test_a_budget_on_what_is_not_known_finds_nothing_silently() -> None:
    with pytest.raises(InputError, match="The latency of run:0 is not known, so none can be found within 33ms"):
        best_under(CANDIDATES, Budget(33.0, "ms"), AIMS)
    measured = [timed(c, float(10 * i)) for i, c in enumerate(CANDIDATES)]
    assert best_under(measured, Budget(20.0, "ms"), AIMS) == measured[1]


def test_the_knee_is_the_bend_on_a_logarithmic_scale() -> None:
    # From 1 G to 100 G the line rises 1 dB for each factor of ten: at 10 G it is at 31, at 3 G at 30.48.
    ends = [candidate(0, 30.0, 1), candidate(3, 32.0, 100)]
    assert knee([*ends, candidate(1, 31.7, 10), candidate(2, 31.0, 3)], AIMS) == candidate(1, 31.7, 10)
    assert knee([*ends, candidate(1, 31.7, 10), candidate(2, 31.5, 3)], AIMS) == candidate(2, 31.5, 3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_have_no_knee(count: int) -> None:
    assert knee(FRONT[:count], AIMS) is None


def test_the_best_under_a_budget() -> None:
    assert best_under(CANDIDATES, Budget(39 * G, "MACs"), AIMS) == CANDIDATES[1]
    assert best_under(CANDIDATES, Budget(40 * G, "MACs"), AIMS) == CANDIDATES[3]
    assert best_under(CANDIDATES, Budget(10 * G, "MACs"), AIMS) == CANDIDATES[0]
    assert best_under(CANDIDATES, Budget(9 * G, "MACs"), AIMS) is None
    assert best_under(CANDIDATES, Budget(999, "params"), AIMS) is None


def test_spread_begins_with_the_best_and_covers_the_front() -> None:
    members = [candidate(i, 30 + i, 2**i) for i in range(9)]
    assert [c.trial for c in pick_from_front(members, 1, AIMS)] == [8]
    assert [c.trial for c in pick_from_front(members, 2, AIMS)] == [8, 0]
    assert [c.trial for c in pick_from_front(members, 3, AIMS)] == [8, 4, 0]
    assert [c.trial for c in pick_from_front(members, 5, AIMS)] == [8, 6, 4, 2, 0]


def test_networks_are_picked_that_together_widen_the_front_most() -> None:
    """Of the two in the middle the better one leaves more of the costs to the cheapest network."""
    ends = [candidate(0, 30.0, 1), candidate(3, 32.0, 64)]
    early, late = candidate(1, 31.0, 2), candidate(2, 31.2, 16)
    assert pick_from_front([*ends, early, late], 3, AIMS) == [ends[1], early, ends[0]]
    late = candidate(2, 31.9, 8)
    assert pick_from_front([*ends, early, late], 3, AIMS) == [ends[1], late, ends[0]]


def test_of_networks_cheaper_than_the_range_only_the_best_is_picked() -> None:
    interest = Interest((Budget(5 * G, "MACs"),))
    below = [candidate(0, 30.0, 1), candidate(1, 30.5, 4)]
    within = [candidate(2, 31.0, 10), candidate(3, 31.8, 20), candidate(4, 32.0, 40)]
    assert pick_from_front([*below, *within], 3, AIMS, interest) == [within[2], within[1], below[1]]
    assert pick_from_front([*below, *within], 9, AIMS, interest) == [*within[::-1], below[1]]
    assert pick_from_front(below, 3, AIMS, interest) == [below[1]]


def test_a_lucky_near_copy_is_not_picked() -> None:
    """The first two fit the line within the noise, so the network in the middle is worth more than the copy."""
    ends = [candidate(0, 36.10, 1.25), candidate(3, 36.30, 8)]
    copy, middle = candidate(1, 36.16, 1.35), candidate(2, 36.18, 3.5)
    every = [*ends, copy, middle]
    assert pick_from_front(every, 3, AIMS) == [ends[1], copy, ends[0]]
    assert pick_from_front(every, 3, AIMS, noise=0.05) == [ends[1], middle, ends[0]]


@given(any_candidates, st.integers(2, 4))
def test_no_other_choice_between_the_ends_is_wider(candidates: list[Candidate], count: int) -> None:
    front, chosen = pareto_front(candidates, AIMS), pick_from_front(candidates, count, AIMS)[::-1]

    def width(some: Sequence[Candidate]) -> float:
        pairs = pairwise(some)
        return sum((low.psnr - front[0].psnr) * (math.log2(high.macs) - math.log2(low.macs)) for low, high in pairs)

    if len(front) > count:
        others = [[front[0], *between, front[-1]] for between in combinations(front[1:-1], count - 2)]
        assert width(chosen) == pytest.approx(max(map(width, others)))


@given(any_candidates, st.integers(1, 10))
def test_spread_gives_as_many_members_as_there_are_by_falling_psnr(candidates: list[Candidate], count: int) -> None:
    front, chosen = pareto_front(candidates, AIMS), pick_from_front(candidates, count, AIMS)
    assert len(chosen) == min(count, len(front))
    assert all(member in front for member in chosen)
    assert [c.psnr for c in chosen] == sorted({c.psnr for c in chosen}, reverse=True)
    assert chosen[:1] == front[-1:]


def test_a_candidate_is_plain_data() -> None:
    plain = CANDIDATES[1].to_dict()
    assert (plain["psnr"], plain["macs"], plain["label"]) == (32.0, 20 * G, "run:1")
    assert plain["fingerprint"] == ARCHITECTURE.fingerprint
    assert math.isfinite(plain["seconds"])
