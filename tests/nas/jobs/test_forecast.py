"""How long `nas train` says that its trainings will take."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from searches import CPU, Listener
from searches import SPACES as PLUGINS

from nas.jobs import forecast as module
from nas.jobs.forecast import LEAST_STEPS, forecast, in_parallel, recorded_speed, seconds_left
from nas.jobs.full_training import train_job
from nas.jobs.training_plan import Job, plan_training
from nas.parallel.placement import Placement
from nas.training.checkpoint import Progress
from nas.training.recipe import load_recipe
from nas.training.speed import Speed
from nas.training.trainer import TrainingStoppedError
from search_spaces import load_plugin

ONE, TWO = Placement((CPU,), 1), Placement((CPU, CPU), 1)
RECIPE = "{base: full, batch: 2, patch: 12, stages: [], validations: 2, validation_crop: 32, precision: float32}"
NETWORKS = ("espcn/ESPCN", "ecbsr/M4C8")


@pytest.fixture
def ask(tiny_data: Path, tmp_path: Path) -> Callable[..., Job]:
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def asked(*names: str, steps: int = LEAST_STEPS, results: str = "results") -> Job:
        path, folder = str(tmp_path / "recipe.yaml"), tmp_path / results
        return plan_training(names, CPU, top=1, recipe=path, steps=steps, scale=2, data=str(tiny_data), results=folder)

    return asked


def run(job: Job, placement: Placement = ONE) -> None:
    done = train_job(job, CPU, Listener(), lambda: False, jobs=len(placement.devices), threads=1)
    assert done.failures == {}


def stopped_after(job: Job, count: int) -> None:
    """Train until a stop is asked for, after `count` steps."""
    asked = iter(range(10_000))
    with pytest.raises(TrainingStoppedError):
        train_job(job, CPU, Listener(), lambda: next(asked) > count, jobs=1, threads=1)


def test_all_networks_are_forecast(ask: Callable[..., Job]) -> None:
    told = forecast(ask(*NETWORKS, steps=6000), TWO)
    assert told is not None
    assert (told.networks, told.steps, told.whole, told.is_limit) == (2, 12_000, 6000, False)
    assert 1 < told.seconds < 3600
    assert (told.placement, told.cores) == (TWO, torch.get_num_threads())


def test_a_forecast_comes_near_to_the_training(ask: Callable[..., Job]) -> None:
    load_plugin(PLUGINS / "dots.py")
    (slow := Path(ask("espcn/ESPCN").folder.parent / "slow.yaml")).parent.mkdir(exist_ok=True)
    slow.write_text("{space: slow, scale: 2, channels: 1, choices: {width: 1, kernel: 1, padded: false}}")
    job = ask(str(slow), steps=120)
    told = forecast(job, ONE)
    assert told is not None
    assert 120 * 0.02 < told.seconds < 120 * 0.2  # a step waits 20 ms


def test_forecasts_change_no_bit_of_a_training(ask: Callable[..., Job], monkeypatch: pytest.MonkeyPatch) -> None:
    run(with_forecast := ask(*NETWORKS, results="with"))
    monkeypatch.setattr("nas.jobs.full_training.forecast", lambda job, placement, should_stop: None)
    run(without := ask(*NETWORKS, results="without"))
    for name in with_forecast.architectures:
        ours, theirs = (job.folder / name / "weights.safetensors" for job in (with_forecast, without))
        assert ours.read_bytes() == theirs.read_bytes()


def test_what_is_trained_is_not_counted(ask: Callable[..., Job]) -> None:
    run(ask("espcn/ESPCN"))
    told = forecast(ask(*NETWORKS), ONE)
    assert told is not None
    assert (told.networks, told.steps) == (1, LEAST_STEPS)
    assert forecast(ask("espcn/ESPCN"), ONE) is None


def test_a_training_that_continues_counts_what_is_left_at_its_own_speed(
    ask: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_after(job := ask("espcn/ESPCN", steps=300), 160)

    def refuse(*arguments: object) -> Speed:
        raise AssertionError("the speed was measured again")

    monkeypatch.setattr(module, "measure_speed", refuse)
    told = forecast(job, ONE)
    assert told is not None
    assert told.steps == 300 - 160
    assert 0 < told.seconds < 300


@pytest.mark.parametrize("placement", [ONE, Placement((CPU,), 1, processes=2)])
def test_short_trainings_and_groups_of_processes_are_not_forecast(
    placement: Placement, ask: Callable[..., Job]
) -> None:
    assert forecast(ask("espcn/ESPCN", steps=6000 if placement.processes > 1 else LEAST_STEPS - 1), placement) is None


def test_a_network_that_cannot_be_trained_says_so_itself(ask: Callable[..., Job], tmp_path: Path) -> None:
    load_plugin(PLUGINS / "broken.py")
    (tmp_path / "bad.yaml").write_text("{space: broken, scale: 2, channels: 1, choices: {how: raises, width: 1}}")
    assert forecast(ask(str(tmp_path / "bad.yaml")), ONE) is None


def test_a_stop_ends_the_measurement(ask: Callable[..., Job]) -> None:
    threads = torch.get_num_threads()
    assert forecast(ask("espcn/ESPCN"), ONE, should_stop=lambda: True) is None
    assert torch.get_num_threads() == threads


def test_steps_and_validations_that_are_left_are_counted() -> None:
    recipe = load_recipe("full", CPU, steps=6000, validations=5)
    speed = Speed(step=0.1, validation=10.0)
    assert seconds_left(speed, recipe, 0) == pytest.approx(600 + 50)
    assert seconds_left(speed, recipe, 1200) == pytest.approx(480 + 40)
    assert seconds_left(speed, recipe, 5999) == pytest.approx(0.1 + 10)


def test_each_place_takes_the_next_network() -> None:
    assert in_parallel([5.0, 1.0, 1.0, 1.0], 1) == 8
    assert in_parallel([5.0, 1.0, 1.0, 1.0], 2) == 5
    assert in_parallel([1.0, 1.0, 5.0], 2) == 6


def test_skipped_steps_took_no_time() -> None:
    so_far = Progress(step=700, skipped=500, train_seconds=20.0, validation_seconds=6.0, curve=[{}, {}])
    assert recorded_speed(so_far) == Speed(0.1, 3.0)
    assert recorded_speed(Progress(step=700, train_seconds=20.0)) is None  # the time of a validation is unknown
    assert recorded_speed(Progress(step=20, curve=[{}])) is None
