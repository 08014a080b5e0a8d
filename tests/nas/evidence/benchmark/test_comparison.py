"""Comparing samplers: figures by hand, bands that hold the mean, and who learns wins where there is much to learn."""

import json
from dataclasses import replace

import numpy as np
import pytest
from searches import SPACES
from tables import formula_table

from nas.evidence.benchmark.comparison import Band, compare, comparison_data, replay_all
from nas.evidence.benchmark.replay import Conditions, Course, Moment
from nas.evidence.benchmark.response import fit
from search_spaces import load_plugin


def course(sampler: str, seed: int, *volumes: float, seconds: float = 10) -> Course:
    moments = tuple(Moment(i, i * seconds, volume) for i, volume in enumerate(volumes, start=1))
    return Course(sampler, seed, moments, refused=2, asking_seconds=0.5)


def test_figures_are_those_of_the_courses() -> None:
    courses = [course("random", 0, 1, 2, 2, 4), course("random", 1, 3, 3, 4, 4)]
    courses += [course("quick", 0, 4, 5, 6, 6), course("quick", 1, 2, 5, 6, 8)]
    quick, random = compare(courses)
    assert (quick.sampler, random.sampler) == ("quick", "random")
    assert quick.final.mean == 7
    assert random.area.mean == pytest.approx((9 / 4 + 14 / 4) / 2)
    assert quick.trainings_to_baseline == 2  # mean of 5, where random ends at 4
    assert random.trainings_to_baseline == 4
    assert quick.seconds_to_baseline == pytest.approx(20, abs=0.5)
    assert (quick.seconds, quick.refused, quick.asking_seconds) == (40, 2, 0.5)


def test_who_never_gets_there_says_so() -> None:
    slow = compare([course("random", 0, 1, 5), course("slow", 0, 1, 2)])[1]
    assert (slow.sampler, slow.trainings_to_baseline, slow.seconds_to_baseline) == ("slow", None, None)


def test_a_search_that_ended_early_stays_where_it_was() -> None:
    standings = {entry.sampler: entry for entry in compare([course("random", 0, 1, 2, 3), course("short", 0, 2, 4)])}
    assert list(standings["short"].by_trainings.mean) == [2, 4, 4]
    assert standings["short"].by_seconds.mean[-1] == 4


def test_before_its_first_training_a_search_has_nothing() -> None:
    (random,) = compare([course("random", 0, 2, 3)])
    assert random.by_seconds.mean[0] == 0
    assert random.by_seconds.mean[-1] == 3


def test_bands_hold_the_mean_and_narrow_with_more_searches() -> None:
    values = np.random.default_rng(0).normal(10, 1, size=(160, 5))
    few, many = Band.of(np.arange(5.0), values[:10]), Band.of(np.arange(5.0), values)
    for band in (few, many):
        assert ((band.low < band.mean) & (band.mean < band.high)).all()
    assert (many.high - many.low).mean() == pytest.approx((few.high - few.low).mean() / 4, rel=0.35)
    assert (many.high - many.low).mean() == pytest.approx(2 * 1.96 / np.sqrt(160), rel=0.2)


def test_one_search_alone_has_no_interval() -> None:
    band = Band.of(np.arange(2.0), np.array([[1.0, 2.0]]))
    assert (list(band.low), list(band.high)) == ([1, 2], [1, 2])


@pytest.fixture(scope="module")
def conditions() -> Conditions:
    load_plugin(SPACES / "dots.py")
    table = formula_table(space="dots")
    return Conditions(table.header, fit(table, "dots", "gp"), trials=25, published=False)


def test_random_always_comes_along_and_all_have_the_same_seeds(conditions: Conditions) -> None:
    seen: list[tuple[int, int]] = []
    courses = replay_all(
        replace(conditions, trials=3), ["nsga2"], seeds=2, progress=lambda done, total: seen.append((done, total))
    )
    assert {(entry.sampler, entry.seed) for entry in courses} == {(s, i) for s in ("random", "nsga2") for i in (0, 1)}
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_processes_bring_the_same(conditions: Conditions) -> None:
    short = replace(conditions, trials=4)
    alone, together = (replay_all(short, ["tpe"], seeds=1, jobs=jobs) for jobs in (1, 2))
    assert [entry.moments for entry in alone] == [entry.moments for entry in together]


def test_who_learns_beats_random(conditions: Conditions) -> None:
    standings = {entry.sampler: entry for entry in compare(replay_all(conditions, ["tpe"], seeds=5))}
    assert standings["tpe"].final.mean > standings["random"].final.mean


def test_plain_data_is_json_and_holds_what_it_depends_on(conditions: Conditions) -> None:
    standings = compare([course("random", 0, 1, 2), course("tpe", 0, 2, 3)])
    data = json.loads(json.dumps(comparison_data(conditions, standings, 1)))
    assert list(data["samplers"]) == ["tpe", "random"]
    assert data["samplers"]["tpe"]["final"] == [3, 3, 3]
    assert data["response"]["fidelities"]["gp"]["tau"] > 0.5
    assert data["conditions"]["seeds"] == 1
