import warnings
from collections.abc import Iterable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import CPU, settings

from nas.budget import Budget
from nas.cost import screening_cost
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.search.schedule import time_plan
from nas.search.schedule.speed import seconds_of_candidate
from nas.search.schedule.time_plan import USUAL_TRIALS, Given, make_plan
from nas.search.settings import Settings
from nas.training.recipe import load_recipe
from nas.training.speed import Speed
from search_spaces import Architecture

ON_RUNGS, WHOLE = ((100, 300, 900, 2700), 3), ((2700,), 3)
"""Rungs, and of how many one continues."""
SPEED = Speed(step=0.05, validation=0.5)
LONGEST = 100_000


@given(st.floats(1, 1e6), st.floats(1e-3, 1), st.booleans())
def test_what_is_planned_fits_into_the_time(seconds: float, step: float, may_change: bool) -> None:
    speed = Speed(step, 10 * step)
    plan = make_plan(speed, *ON_RUNGS, seconds, LONGEST, Given(keeps_steps=not may_change))
    assert plan.trials == 1 or plan.trials * seconds_of_candidate(speed, plan.rungs, 3) <= 0.7 * seconds
    assert plan.rungs[-1] >= 300 if may_change else plan.rungs == ON_RUNGS[0]


def test_twice_the_time_is_spent_on_more_candidates_and_on_longer_trainings() -> None:
    usual = USUAL_TRIALS * seconds_of_candidate(SPEED, *ON_RUNGS) / 0.7
    usually, longer = (make_plan(SPEED, *ON_RUNGS, time * usual, LONGEST) for time in (1, 4))
    assert usually.rungs == ON_RUNGS[0] and usually.trials == pytest.approx(40, abs=1)
    assert longer.rungs == pytest.approx([2 * rung for rung in usually.rungs], rel=0.05)
    assert longer.trials == pytest.approx(80, abs=3)


def test_beyond_the_longest_training_all_time_is_spent_on_more_candidates() -> None:
    usual = USUAL_TRIALS * seconds_of_candidate(SPEED, *ON_RUNGS) / 0.7
    much, more = (make_plan(SPEED, *ON_RUNGS, time * usual, 3000) for time in (4, 8))
    assert much.rungs[-1] == more.rungs[-1] == 3000
    assert more.trials == pytest.approx(2 * much.trials, abs=1)


def test_in_a_short_time_trainings_end_earlier_on_the_same_first_rungs() -> None:
    usual = USUAL_TRIALS * seconds_of_candidate(SPEED, *ON_RUNGS) / 0.7
    shorter, shortest = (make_plan(SPEED, *ON_RUNGS, time * usual, LONGEST) for time in (0.5, 0.02))
    assert shorter.rungs[:2] == (100, 300) and 450 < shorter.rungs[-1] < 2700
    assert shorter.trials == pytest.approx(40 * 0.5**0.5, abs=3)
    assert shortest.rungs == (100, 300)


def test_a_number_of_candidates_that_is_given_is_kept() -> None:
    usual = USUAL_TRIALS * seconds_of_candidate(SPEED, *ON_RUNGS) / 0.7
    plan = make_plan(SPEED, *ON_RUNGS, usual, LONGEST, Given(trials=20))
    assert plan.trials == 20 and plan.rungs == pytest.approx([2 * rung for rung in ON_RUNGS[0]], rel=0.05)
    assert make_plan(SPEED, *ON_RUNGS, usual, LONGEST, Given(trials=20, keeps_steps=True)).rungs == ON_RUNGS[0]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a search within 64G MACs on a machine that takes 10 ms for a step of 1G MACs."""

    def measured(candidates: Iterable[Architecture], *_: object, **__: object) -> list[tuple[Architecture, Speed]]:
        return [(network, Speed(screening_cost(network).macs / 1e11, 0.5)) for network in candidates]

    monkeypatch.setattr(time_plan, "measure_speeds", measured)
    recipe = load_recipe("brief", CPU)
    return settings(budgets=("64G-MACs",), range_from=("8G-MACs",), rungs=ON_RUNGS[0], recipe=recipe.model_dump())


def plan(asked: Settings, seconds: float | None, **given: Any) -> Settings:
    return time_plan.planned(asked, cast(Dataset, None), CPU, seconds, 1, Given(**given))


def test_costs_that_the_time_does_not_suffice_for_are_left_out_with_advice(asked: Settings) -> None:
    with pytest.warns(UserWarning, match=r"networks above .*G MACs take too long .* about --time 47m"):
        short = plan(asked, 300)
    (top,), (end,) = short.range_to, short.range_from
    assert top.limit < 64e9 and end.limit == pytest.approx(top.limit / 8, rel=0.01)
    assert short.budgets == asked.budgets and short.limits == short.range_to
    assert 300 <= short.rungs[-1] < 2700 and short.trials >= 16


def test_with_time_enough_the_range_reaches_the_budget(asked: Settings) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enough = plan(asked, 24 * 3600)
    assert enough.range_to == () and enough.range_from == asked.range_from
    assert enough.trials > 40 and enough.rungs[-1] == 3000  # half of `full`
    few = plan(asked, 24 * 3600, trials=20)
    assert few.trials == 20 and few.rungs[-1] > 6000


def test_without_a_time_only_the_range_is_planned(asked: Settings) -> None:
    larger = {"budgets": (Budget.parse("256G-MACs"),), "range_from": (Budget.parse("32G-MACs"),)}
    with pytest.warns(UserWarning, match="for a search of 20m"):
        usual = plan(asked.model_copy(update=larger), None)
    assert usual.range_to and usual.range_to[0].limit < 128e9
    assert (usual.trials, usual.rungs, usual.is_planned) == (asked.trials, asked.rungs, False)


@pytest.mark.parametrize("seconds", [0.0, -3.0])
def test_a_time_that_is_over_before_the_plan_is_one_sentence(asked: Settings, seconds: float) -> None:
    with pytest.raises(InputError, match="give a longer --time"):
        plan(asked, seconds)


def test_a_range_that_is_given_is_kept(asked: Settings) -> None:
    kept = plan(asked, 300, keeps_range=True)
    assert kept.range_to == () and kept.range_from == asked.range_from


def test_without_a_time_a_search_of_which_nothing_can_be_measured_begins_as_it_is(
    asked: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise InputError("None of 6 networks can be trained here")

    monkeypatch.setattr(time_plan, "measure_speeds", refuse)
    assert plan(asked, None) == asked
    with pytest.raises(InputError, match="None of 6"):
        plan(asked, 300)


def test_where_even_cheap_networks_do_not_fit_the_expensive_ones_are_still_left_out(asked: Settings) -> None:
    with pytest.warns(UserWarning, match="take too long"):
        hasty = plan(asked, 3)
    assert hasty.limits[0].limit < 8e9 and hasty.trials >= 1


def test_a_range_within_reach_of_a_small_space_is_not_raised(asked: Settings) -> None:
    """No network of such a space costs more than 2G: its range begins at an eighth of that."""
    small = asked.model_copy(update={"range_from": (Budget.parse("250M-MACs"),)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = plan(small, 300)
    assert kept.range_from == small.range_from and kept.range_to == ()
