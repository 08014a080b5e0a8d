"""Replayed searches: as a real search would go, the same again from a seed, in a moment."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from searches import SPACES as PLUGINS
from tables import BUDGET, formula_table

from nas.budget import Budget
from nas.errors import InputError
from nas.evidence.benchmark.replay import Conditions, Course, _Search, replay
from nas.evidence.benchmark.response import fit
from nas.objectives import DEFAULT_OBJECTIVES, resolve
from nas.pareto import hypervolume, losses
from nas.search.history import history
from nas.table import write_table
from search_spaces import SPACES, UnknownNameError, load_plugin


@pytest.fixture(scope="module")
def conditions() -> Conditions:
    load_plugin(PLUGINS / "dots.py")
    table = formula_table(seeds=2, noise=0.02)
    return Conditions(table.header, fit(table, "dots", "gp"), trials=20)


def _searched(conditions: Conditions) -> list[dict[str, float]]:
    search = _Search(conditions, conditions.settings("spread", 0))
    search.run()
    return search.trained


def story(course: Course) -> list[tuple[float, float]]:
    return [(moment.seconds, moment.hypervolume) for moment in course.moments]


def test_the_same_seed_gives_the_same_search_and_another_another(conditions: Conditions) -> None:
    assert story(replay(conditions, "tpe", 3)) == story(replay(conditions, "tpe", 3))
    assert story(replay(conditions, "tpe", 3)) != story(replay(conditions, "tpe", 4))


def test_a_search_trains_as_many_as_asked_in_a_moment(conditions: Conditions) -> None:
    began = time.process_time()
    course = replay(conditions, "random", 0)
    assert [moment.trainings for moment in course.moments] == list(range(1, 21))
    assert time.process_time() - began < 5


def test_the_clock_never_falls_and_without_luck_neither_does_the_hypervolume(conditions: Conditions) -> None:
    course = replay(conditions, "nsga2", 0)
    assert (np.diff([moment.seconds for moment in course.moments]) > 0).all()
    exact = Conditions(conditions.header, fit(formula_table(seeds=1), "dots", "gp"), trials=20)
    volumes = [moment.hypervolume for moment in replay(exact, "nsga2", 0).moments]
    assert (np.diff(volumes) >= 0).all()


def test_a_lucky_network_counts_for_what_it_is(conditions: Conditions) -> None:
    """A member of the front that is there by chance adds its expected PSNR, not the measured one."""
    search = _Search(conditions, conditions.settings("random", 0))
    search.trained = [{"psnr": 36.0, "macs": 1e6}]
    search.expected = [{"psnr": 35.0, "macs": 1e6}]
    lucky = search._hypervolume()
    search.trained = [{"psnr": 35.0, "macs": 1e6}]
    assert search._hypervolume() == pytest.approx(lucky) != 0


def test_the_clock_is_what_the_response_says_of_each_network(conditions: Conditions) -> None:
    (first,) = replay(replace(conditions, trials=1), "random", 0).moments
    choices = SPACES.get("dots").published["Dots-A"].choices
    weights = 9 * 8 * (1 + 4)
    macs, params = weights * 640 * 360, weights + 8 + 4
    step, validation = conditions.response.seconds(choices, macs, params)
    assert first.seconds == pytest.approx(900 * step + validation)
    psnr = conditions.response.curve(choices, macs, params)[-1]
    points = losses([{"psnr": psnr, "macs": macs}], resolve(DEFAULT_OBJECTIVES))
    assert first.hypervolume == pytest.approx(hypervolume(points, conditions.reference_point), abs=0.2)
    assert conditions.reference_point == (-30.0, pytest.approx(np.log2(3e8)))


def test_published_points_come_first_unless_left_out(conditions: Conditions) -> None:
    firsts = {story(replay(replace(conditions, trials=1), "random", seed))[0][0] for seed in range(3)}
    assert len(firsts) == 1
    without = replace(conditions, trials=1, published=False)
    assert len({story(replay(without, "random", seed))[0][0] for seed in range(3)}) == 3


def test_simulated_time_ends_a_search(conditions: Conditions) -> None:
    whole = replay(conditions, "random", 0)
    short = replay(replace(conditions, seconds=whole.moments[5].seconds), "random", 0)
    assert story(short) == story(whole)[:6]


def test_samplers_reckon_with_what_is_planned(conditions: Conditions) -> None:
    short, long = (replay(replace(conditions, planned=planned), "local", 0) for planned in (None, 80))
    assert len(short.moments) == len(long.moments) == 20
    assert story(short)[:5] == story(long)[:5]
    assert story(short)[5:] != story(long)[5:]  # four times as many random networks come first


def test_a_search_ends_where_nothing_new_fits(conditions: Conditions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.evidence.benchmark.replay.MOST_REFUSED", 20)
    little = conditions.header.model_copy(update={"budgets": ("5M-MACs",)})
    course = replay(replace(conditions, header=little, trials=10_000), "random", 0)
    assert course.refused >= 20
    # 640 x 360 pixels of kernel 1 with 5 weights a width: widths 1 to 4 fit, and of kernel 3 none.
    assert len(course.moments) == 4


def test_a_search_on_rungs_tries_as_many_networks_in_fewer_steps(conditions: Conditions) -> None:
    table = formula_table(seeds=2, noise=0.5)  # so that most networks are worse than a smaller one
    noisy = replace(conditions, response=fit(table, "dots", "gp"), trials=30)
    whole, halved = (replay(replace(noisy, on_rungs=on_rungs), "random", 0) for on_rungs in (False, True))
    assert whole.moments[-1].trainings == 30
    assert halved.moments[-1].trainings < 0.75 * 30
    assert halved.moments[-1].seconds < whole.moments[-1].seconds


def test_a_paused_candidate_costs_a_ninth(conditions: Conditions) -> None:
    moments = replay(replace(conditions, trials=2, on_rungs=True, seconds=1e-3), "random", 0).moments
    assert [moment.trainings for moment in moments] == [pytest.approx(1 / 9, abs=1e-5)]
    assert moments[0].hypervolume == 0


def test_on_rungs_the_front_is_trained_to_the_end(conditions: Conditions) -> None:
    search = _Search(on_rungs := replace(conditions, trials=12, on_rungs=True), on_rungs.settings("tpe", 0))
    search.run()
    measured = history(search.study.get_trials())
    front = search.rungs.front(measured)
    assert len(measured) == 12
    assert {network.steps for network in front} == {900}
    assert min(network.steps for network in measured) == 100


def test_before_the_first_figure_of_the_curves_there_is_no_rung(conditions: Conditions) -> None:
    late = replace(conditions.response, steps=(300, 900))
    settings = [
        replace(conditions, response=response, on_rungs=True).settings("random", 0)
        for response in (conditions.response, late)
    ]
    assert [each.rungs for each in settings] == [(100, 300, 900), (300, 900)]


def test_a_network_below_the_range_counts_as_its_lower_end(conditions: Conditions) -> None:
    ranged = replace(conditions, range_from=("150M-MACs",))
    psnr_alone, whole = (replay(asked, "spread", 0).moments[-1].hypervolume for asked in (ranged, conditions))
    assert 0 < psnr_alone < whole
    best = max(figures["psnr"] for figures in _searched(ranged))
    assert psnr_alone <= best - 30, "the range is one octave"


def test_a_search_with_a_prior_of_its_own_table_begins_better(conditions: Conditions, tmp_path: Path) -> None:
    write_table(formula_table(), tmp_path / "night.json.gz")
    asked = replace(conditions, trials=6, screens=("surrogate:50",), range_from=("37M-MACs",))
    told = replace(asked, prior=str(tmp_path / "night.json.gz"))
    ends = [[replay(each, "local", seed).moments[-1].hypervolume for seed in range(4)] for each in (told, asked)]
    assert np.mean(ends[0]) > np.mean(ends[1])


def test_what_a_table_can_not_tell_is_refused(conditions: Conditions) -> None:
    with pytest.raises(InputError, match="'synflow:100' needs networks and images"):
        replace(conditions, screens=("synflow:100",)).check(["random"])
    with pytest.raises(UnknownNameError, match="did you mean 'tpe'"):
        conditions.check(["tpee"])


def test_budgets_are_those_of_the_table(conditions: Conditions) -> None:
    assert conditions.settings("tpe", 0).budgets == (Budget.parse(BUDGET),)
