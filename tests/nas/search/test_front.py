import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.budget import Budget
from nas.search.front import Candidate, best_under, hypervolume, knee, pareto_front, spread
from search_spaces import Architecture

G = 10**9
ARCHITECTURE = Architecture.published("moremnas/MoreMNAS-C")


def candidate(trial: int, psnr: float, gmacs: float) -> Candidate:
    return Candidate(trial, ARCHITECTURE, f"run:{trial}", psnr, 0.9, round(gmacs * G), 1000, 1.0)


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
    assert pareto_front(CANDIDATES) == FRONT
    assert pareto_front([]) == []


def test_of_equals_the_earliest_is_on_the_front() -> None:
    twins = [candidate(7, 30.0, 10), candidate(3, 30.0, 10)]
    assert [member.trial for member in pareto_front(twins)] == [3]


@given(any_candidates)
def test_no_member_of_a_front_beats_another_and_each_other_candidate_is_beaten(candidates: list[Candidate]) -> None:
    front = pareto_front(candidates)
    for member in front:
        assert not any(o.psnr >= member.psnr and o.macs <= member.macs for o in front if o is not member)
    for other in candidates:
        assert any(member.psnr >= other.psnr and member.macs <= other.macs for member in front)


@given(any_candidates)
def test_the_front_of_a_front_is_itself(candidates: list[Candidate]) -> None:
    assert pareto_front(pareto_front(candidates)) == pareto_front(candidates)


@given(st.permutations(CANDIDATES))
def test_the_order_of_the_candidates_has_no_influence(candidates: list[Candidate]) -> None:
    assert pareto_front(candidates) == FRONT
    assert knee(candidates) == knee(CANDIDATES)
    assert spread(candidates, 2) == spread(CANDIDATES, 2)


def test_hypervolume_is_the_area_up_to_the_reference() -> None:
    assert hypervolume([candidate(0, 30.0, 10)], 28.0, 50 * G) == pytest.approx(2 * 40)
    # 2 dB x 40 G below the first step, 2 x 30 above it, 1 x 10 on top.
    assert hypervolume(CANDIDATES, 28.0, 50 * G) == pytest.approx(80 + 60 + 10)


def test_what_is_beyond_the_reference_counts_nothing() -> None:
    assert hypervolume([], 28.0, 50 * G) == 0
    assert hypervolume(CANDIDATES, 28.0, 10 * G) == 0
    assert hypervolume(CANDIDATES, 33.0, 50 * G) == 0
    assert hypervolume(CANDIDATES, 31.5, 30 * G) == pytest.approx(0.5 * 10)


@given(any_candidates, st.data())
def test_a_dominated_candidate_leaves_the_hypervolume_alone(candidates: list[Candidate], data: st.DataObject) -> None:
    before = hypervolume(candidates, 25.0, 101 * G)
    if candidates:
        better = data.draw(st.sampled_from(candidates))
        worse = replace(better, psnr=better.psnr - data.draw(st.integers(0, 5)), macs=better.macs + G)
        assert hypervolume([*candidates, worse], 25.0, 101 * G) == pytest.approx(before)


@given(any_candidates, any_candidate)
def test_another_candidate_never_lowers_the_hypervolume(candidates: list[Candidate], another: Candidate) -> None:
    before = hypervolume(candidates, 25.0, 101 * G)
    assert hypervolume([*candidates, another], 25.0, 101 * G) >= before - 1e-9


def test_the_knee_is_the_bend_on_a_logarithmic_scale() -> None:
    # From 1 G to 100 G the line rises 1 dB for each factor of ten: at 10 G it is at 31, at 3 G at 30.48.
    ends = [candidate(0, 30.0, 1), candidate(3, 32.0, 100)]
    assert knee([*ends, candidate(1, 31.7, 10), candidate(2, 31.0, 3)]) == candidate(1, 31.7, 10)
    assert knee([*ends, candidate(1, 31.7, 10), candidate(2, 31.5, 3)]) == candidate(2, 31.5, 3)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_have_no_knee(count: int) -> None:
    assert knee(FRONT[:count]) is None


def test_the_best_under_a_budget() -> None:
    assert best_under(CANDIDATES, Budget(39 * G, "MACs")) == CANDIDATES[1]
    assert best_under(CANDIDATES, Budget(40 * G, "MACs")) == CANDIDATES[3]
    assert best_under(CANDIDATES, Budget(10 * G, "MACs")) == CANDIDATES[0]
    assert best_under(CANDIDATES, Budget(9 * G, "MACs")) is None
    assert best_under(CANDIDATES, Budget(999, "params")) is None


def test_spread_begins_with_the_best_and_covers_the_front() -> None:
    members = [candidate(i, 30 + i, 2**i) for i in range(9)]
    assert [c.trial for c in spread(members, 1)] == [8]
    assert [c.trial for c in spread(members, 2)] == [8, 0]
    assert [c.trial for c in spread(members, 3)] == [8, 4, 0]
    assert [c.trial for c in spread(members, 5)] == [8, 6, 4, 2, 0]


@given(any_candidates, st.integers(1, 10))
def test_spread_gives_as_many_members_as_there_are_by_falling_psnr(candidates: list[Candidate], count: int) -> None:
    front, chosen = pareto_front(candidates), spread(candidates, count)
    assert len(chosen) == min(count, len(front))
    assert all(member in front for member in chosen)
    assert [c.psnr for c in chosen] == sorted({c.psnr for c in chosen}, reverse=True)
    assert chosen[:1] == front[-1:]


def test_a_candidate_is_plain_data() -> None:
    plain = CANDIDATES[1].to_dict()
    assert (plain["psnr"], plain["macs"], plain["label"]) == (32.0, 20 * G, "run:1")
    assert plain["fingerprint"] == ARCHITECTURE.fingerprint
    assert math.isfinite(plain["seconds"])
