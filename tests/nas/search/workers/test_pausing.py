"""Searches that pause candidates on rungs; see also schedule/test_rungs.py."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note
from safetensors.torch import load_file
from searches import CPU, Begin, Listener, beginner, trials_in, work

from nas.data.dataset import Dataset
from nas.search.history import RUNGS, history
from nas.search.run import Run
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.ending import Ending
from nas.search.schedule.next_action import Action, TimeLeft, next_action
from nas.search.schedule.time_plan import LEAST_SHARE
from nas.search.settings import Settings
from nas.search.workers.scoring import Scoring
from nas.search.workers.worker import Worker
from nas.training.recipe import load_recipe

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


def rungs_of(trial: FrozenTrial) -> list[int]:
    return [int(steps) for steps in trial.user_attrs.get(RUNGS, {})]


def reached(run: Run) -> Counter[int]:
    return Counter(network.steps for network in history(run.study.get_trials()))


def turn(run: Run, seconds: float) -> Action:
    return next_action(run.study.get_trials(), run.rungs, run.settings.trials, TimeLeft(seconds, 3600.0))


@dataclass(frozen=True)
class Ended:
    """A search that has ended, which tests only look at."""

    run: Run
    data: Dataset
    reason: Ending
    said: Listener


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Trainings come out the same, bit by bit, with the same number of threads only."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, shared_tiny_data: Path) -> Ended:
    run, data = beginner(tmp_path_factory.mktemp("rungs"), shared_tiny_data)(rungs=None, steps=9, trials=9)
    return Ended(run, data, *work(run, data))


def test_few_of_many_candidates_are_trained_fully(ended: Ended) -> None:
    run = ended.run
    assert ended.reason == Ending.DONE
    steps = reached(run)
    assert sum(steps.values()) == 9 and set(steps) <= {1, 3, 9}
    assert steps[1] >= 3 and 1 <= steps[9] <= 6
    assert len(trials_in(run, COMPLETE)) == steps[9]
    assert len({t.user_attrs["fingerprint"] for t in trials_in(run, COMPLETE)}) == steps[9]


def test_a_trial_shows_its_rungs_and_why_it_stopped(ended: Ended) -> None:
    run, said = ended.run, ended.said
    held = next(t for t in trials_in(run, PRUNED) if RUNGS in t.user_attrs)
    assert held.user_attrs["stopped"] == "rung 1: place 1 of 1, the best 0 continue"
    assert set(held.user_attrs[RUNGS]["1"]) == {"psnr", "ssim"}
    assert held.user_attrs["train_seconds"] > 0 and held.user_attrs["validation_seconds"] > 0
    assert held.user_attrs["macs"] > 0 and held.user_attrs["params"] > 0
    assert "MACs" in get_note(optuna.trial.Trial(run.study, held._trial_id))
    assert any(line.endswith("rung 1: place 1 of 1, the best 0 continue") for line in said.lines)
    promoted = next(t for t in run.study.get_trials() if "promoted_from" in t.user_attrs)
    before = run.study.get_trials()[promoted.user_attrs["promoted_from"]]
    assert promoted.params == before.params
    assert set(rungs_of(before)) < set(rungs_of(promoted))


def test_a_promoted_network_is_the_one_that_was_never_paused(ended: Ended, begin: Begin) -> None:
    torch.set_num_threads(1)  # of another module's test another number may be left
    halved = ended.run
    promoted = [t for t in trials_in(halved, COMPLETE) if "promoted_from" in t.user_attrs]
    assert promoted
    plain, data = begin(results="plain", run="plain", steps=9, trials=1)
    plain.study.enqueue_trial(promoted[0].params)
    while not any(t.params == promoted[0].params for t in trials_in(plain, COMPLETE)):
        plain, data = begin(results="plain", run="plain", steps=9, trials=len(trials_in(plain, COMPLETE)) + 1)
        work(plain, data)
    same = next(t for t in trials_in(plain, COMPLETE) if t.params == promoted[0].params)
    first, second = (
        load_file(run.candidate_folder(trial.number) / "weights.safetensors")
        for run, trial in ((halved, promoted[0]), (plain, same))
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert same.values == promoted[0].values


def test_at_the_end_all_of_the_front_is_trained_fully(ended: Ended) -> None:
    assert ended.run.rungs.last(history(ended.run.study.get_trials())) is None


def test_a_search_that_is_stopped_goes_on_where_it_was(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=6)
    asked = iter(range(1000))
    reason, _ = work(run, data, stop=lambda: next(asked) > 25)
    assert reason == Ending.STOPPED
    run, data = begin(rungs=None, steps=9, trials=6)
    assert work(run, data)[0] == Ending.DONE
    assert sum(reached(run).values()) == 6


def test_a_paused_network_is_not_tried_as_a_new_one(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=3)
    run.study.enqueue_trial({"width": 8, "kernel": 3, "padded": True})  # Dots-A, which comes first
    work(run, data)
    refused = [t for t in trials_in(run, PRUNED) if t.user_attrs["stopped"].startswith("duplicate of")]
    assert len(refused) == 1 and RUNGS not in refused[0].user_attrs


def test_two_workers_promote_a_network_once(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=6)
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda number: work(run, data, number)[0], range(2)))
    assert ended == [Ending.DONE, Ending.DONE]
    counted = Counter((t.user_attrs["fingerprint"], tuple(rungs_of(t))) for t in trials_in(run, COMPLETE))
    assert max(counted.values()) == 1
    assert sum(reached(run).values()) == 6


def test_when_time_is_short_only_what_may_be_on_the_front_is_trained_on(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=400)
    worker = Worker(run, data, CPU, Listener())
    while len(history(run.study.get_trials())) < 2:
        worker.try_one()
    assert turn(run, 3600.0) == Action()
    while (promoted := turn(run, 1e-6).promotes) is not None:
        worker.try_one(promoted)
    assert turn(run, 1e-6).end == Ending.TIME_IS_UP
    assert trials_in(run, COMPLETE)
    assert worker.work(lambda: False, Deadline(0.0, 0.0)).ending == Ending.TIME_IS_UP


def test_a_network_that_can_not_be_recorded_is_not_promoted_for_ever(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = begin(rungs=None, steps=9, trials=4)
    record = Scoring._record

    def fail(self: Scoring, trial: object, *rest: object) -> None:
        raise ArithmeticError("its output is no picture")

    monkeypatch.setattr(Scoring, "_record", fail)
    assert work(run, data)[0] == Ending.DONE
    monkeypatch.setattr(Scoring, "_record", record)
    lost = trials_in(run, FAIL)
    assert lost and all(t.user_attrs["stopped"] == "ArithmeticError: its output is no picture" for t in lost)
    assert len({t.user_attrs["fingerprint"] for t in lost}) == len(lost)


def test_a_new_search_with_a_time_is_planned_for_it(begin: Begin) -> None:
    def within(seconds: float, **changed: Any) -> Settings:
        asked = {"rungs": None} | changed
        return begin(deadline=Deadline(time.monotonic(), seconds), **asked)[0].settings

    short = within(30.0, trials=None, recipe=None, run="short")
    long = within(3000.0, trials=None, recipe=None, run="long")
    assert 1 <= short.trials < long.trials
    assert short.is_planned
    usual = load_recipe("brief", CPU).steps
    assert usual * LEAST_SHARE <= short.recipe.steps + 1 < long.recipe.steps
    assert within(3000.0, trials=None, recipe=None, run="short") == short
    given = within(3000.0, trials=7, steps=9, run="given")
    assert (given.trials, given.recipe.steps, given.is_planned) == (7, 9, False)
    assert within(3000.0, trials=None, recipe=None, rungs=(50, 150), run="rungs").rungs == (50, 150)
