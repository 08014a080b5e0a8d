import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import text

from nas.errors import InputError
from nas.search.samplers import SAMPLERS, make_sampler
from nas.search.settings import Settings
from nas.search.study import (
    MAX_RETRIES,
    architecture_of,
    create_study,
    load_study,
    open_storage,
    publish,
    requeue,
    requeue_dead,
    settings_of,
    worker_name,
)
from nas.search.urls import embedded_url
from search_spaces import SPACES, Architecture, UnknownNameError

from .conftest import check_taken_once, wait_until
from .test_settings import settings

FALSR = SPACES.get("falsr")

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


@pytest.fixture
def storage(tmp_path: Path) -> RDBStorage:
    return open_storage(embedded_url(tmp_path))


@pytest.fixture
def study(storage: RDBStorage) -> optuna.Study:
    return create_study(storage, run_settings())


@pytest.fixture
def one(storage: RDBStorage) -> optuna.Study:
    """A study whose queue holds one trial."""
    one = optuna.create_study(study_name="one", storage=storage, directions=["maximize", "minimize"])
    one.enqueue_trial({"width": 7})
    return one


def run_settings(**changed: Any) -> Settings:
    return settings(**{"trials": 4, "fixed": {"image_skip": True}} | changed)


def heartbeats(storage: RDBStorage) -> int:
    """Return how many trials have sent a heartbeat: a thread of the worker's sends the first after the trial began."""
    with storage.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM trial_heartbeats")).scalar_one()


def dead_worker() -> str:
    """Return the name of a process of this machine that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return f"{worker_name().rpartition('/')[0]}/{ended.pid}"


def test_sqlite_lets_many_write_while_others_read(storage: RDBStorage) -> None:
    with storage.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1


def test_a_queued_trial_is_taken_once(tmp_path: Path) -> None:
    check_taken_once(embedded_url(tmp_path))


def test_heartbeats_are_on_and_their_interval_may_be_shortened(
    storage: RDBStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (storage.heartbeat_interval, storage.grace_period) == (60, 300)
    monkeypatch.setenv("NAS_HEARTBEAT_SECONDS", "2")
    short = open_storage(embedded_url(tmp_path))
    assert (short.heartbeat_interval, short.grace_period) == (2, 10)


@pytest.mark.parametrize("given", ["soon", "0", "-3", "1.5", "", "99999"])
def test_heartbeats_that_are_no_whole_seconds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("NAS_HEARTBEAT_SECONDS", given)
    with pytest.raises(InputError, match=f"must be whole seconds from 1 to 9999, not '{given}'"):
        open_storage(embedded_url(tmp_path))


def test_the_published_points_are_the_first_trials(study: optuna.Study) -> None:
    waiting = study.get_trials()
    assert [trial.user_attrs["name"] for trial in waiting] == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]
    assert {trial.state for trial in waiting} == {TrialState.WAITING}
    expected = dict(FALSR.published["FALSR-A"].choices) | {"image_skip": True}
    assert waiting[0].system_attrs["fixed_params"] == expected


def test_the_published_points_are_enqueued_once(storage: RDBStorage, study: optuna.Study) -> None:
    create_study(storage, run_settings())
    taken = study.ask()
    Architecture.suggest("falsr", 2, 1, taken)
    study.tell(taken, [30.0, 1.0])
    create_study(storage, run_settings())
    assert len(study.get_trials()) == 3


def test_no_more_published_points_are_queued_than_the_run_may_try(storage: RDBStorage) -> None:
    def queued(trials: int) -> list[str]:
        study = create_study(storage, run_settings(trials=trials, budgets=("100G-MACs",)))
        publish(study, run_settings(trials=trials, budgets=("100G-MACs",)))
        return [trial.user_attrs["name"] for trial in study.get_trials()]

    # FALSR-A is over the budget: it is queued to be refused, which takes no time.
    assert queued(1) == ["falsr/FALSR-A", "falsr/FALSR-B"]
    assert queued(2) == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]


def test_a_study_half_created_is_completed(storage: RDBStorage) -> None:
    half = optuna.create_study(study_name="first", storage=storage, directions=["maximize", "minimize"])
    first = dict(FALSR.published["FALSR-A"].choices) | {"image_skip": True}
    half.enqueue_trial(first, user_attrs={"name": "falsr/FALSR-A"})
    names = [trial.user_attrs["name"] for trial in create_study(storage, run_settings()).get_trials()]
    assert names == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]


def test_a_point_that_is_no_longer_itself_does_not_bear_its_name(storage: RDBStorage) -> None:
    changed = create_study(storage, run_settings(fixed={"image_skip": True, "cell1.width": 16}))
    for trial in changed.get_trials():
        if "name" in trial.user_attrs:
            published = FALSR.published[trial.user_attrs["name"].partition("/")[2]].choices
            assert trial.system_attrs["fixed_params"] == dict(published) | {"image_skip": True}


def test_a_study_carries_its_settings(study: optuna.Study, storage: RDBStorage) -> None:
    publish(study, run_settings())
    assert settings_of(load_study(storage, "first")) == run_settings()
    assert study.metric_names == ["PSNR dB", "GMACs"]


def test_a_missing_study_is_named(storage: RDBStorage) -> None:
    with pytest.raises(InputError, match="holds no study 'second'"):
        load_study(storage, "second")


@pytest.mark.parametrize("sampler", SAMPLERS.names())
def test_each_sampler_draws_networks_of_the_space_after_the_published_points(storage: RDBStorage, sampler: str) -> None:
    asked = run_settings(sampler=sampler)
    create_study(storage, asked)
    study = load_study(storage, "first", make_sampler(asked, 0))
    drawn = []
    for psnr in (30.0, 31.0, 30.5, 30.2, 30.7):
        trial = study.ask()
        architecture = Architecture.suggest("falsr", 2, 1, trial)
        architecture.check()
        assert architecture.choices["image_skip"] is True
        trial.set_constraint("MACs", -1.0)
        study.tell(trial, [psnr, 10.0 - psnr / 10])
        drawn.append(architecture_of(study.get_trials()[trial.number], asked))
    assert [a.choices["cell1.width"] for a in drawn[:3]] == [64, 16, 32]  # those of FALSR-A, -B and -C
    assert len({architecture.fingerprint for architecture in drawn}) == 5


def test_an_unknown_sampler_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no sampler named 'tpee'; did you mean 'tpe'\?"):
        make_sampler(run_settings(sampler="tpee"), 0)


def test_each_worker_draws_its_own_networks(storage: RDBStorage) -> None:
    create_study(storage, asked := run_settings(sampler="random"))
    for _ in asked.fixed, 1, 2:
        Architecture.suggest("falsr", 2, 1, load_study(storage, "first").ask())
    workers = [load_study(storage, "first", make_sampler(asked, number)) for number in range(3)]
    drawn = {Architecture.suggest("falsr", 2, 1, worker.ask()).fingerprint for worker in workers}
    assert len(drawn) == 3


def test_the_same_seed_draws_the_same_networks() -> None:
    def draw(seed: int) -> list[str]:
        study = optuna.create_study(sampler=make_sampler(run_settings(sampler="random", seed=seed), 0))
        return [Architecture.suggest("falsr", 2, 1, study.ask()).fingerprint for _ in range(3)]

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_a_trial_of_a_dead_process_is_queued_again(study: optuna.Study) -> None:
    trial = study.ask()
    Architecture.suggest("falsr", 2, 1, trial)
    trial.set_user_attr("worker", dead_worker())
    requeue_dead(study)
    assert study.get_trials()[trial.number].state == TrialState.FAIL
    again = study.get_trials()[-1]
    assert again.state == TrialState.WAITING
    assert again.params == trial.params
    assert again.user_attrs["name"] == "falsr/FALSR-A"


def test_a_trial_queued_again_is_left_to_whoever_has_just_taken_it(one: optuna.Study) -> None:
    one.ask().set_user_attr("worker", dead_worker())
    requeue_dead(one)
    taken = one.ask()
    requeue_dead(one)  # the new worker has not said its name yet
    assert one.get_trials()[taken.number].state == TrialState.RUNNING


def test_trials_of_living_and_of_far_processes_are_left_alone(study: optuna.Study) -> None:
    neighbour = subprocess.Popen(["sleep", "60"])
    try:
        workers = [worker_name(), f"{worker_name().rpartition('/')[0]}/{neighbour.pid}", "elsewhere:pid:[1]/1", None]
        for worker in workers:
            trial = study.ask()
            if worker:
                trial.set_user_attr("worker", worker)
        requeue_dead(study)
        assert [t.state for t in study.get_trials()] == [TrialState.RUNNING] * len(workers)
    finally:
        neighbour.kill()
        neighbour.wait()


def test_a_candidate_that_kills_its_worker_is_given_up_in_the_end(one: optuna.Study) -> None:
    for _ in range(MAX_RETRIES + 1):
        assert len(one.get_trials(states=(TrialState.WAITING,))) == 1
        one.ask().set_user_attr("worker", dead_worker())
        requeue_dead(one)
    assert one.get_trials(states=(TrialState.WAITING,)) == []


def test_stopping_politely_does_not_use_up_the_retries(one: optuna.Study) -> None:
    for crashed in [False] * (MAX_RETRIES + 1) + [True]:
        number = one.ask().number
        one.tell(number, state=TrialState.FAIL)
        requeue(one, one.get_trials()[number], crashed=crashed)
    assert len(one.get_trials(states=(TrialState.WAITING,))) == 1


def test_optuna_keeps_the_constraint_of_a_pruned_trial(study: optuna.Study) -> None:
    def refuse(trial: optuna.Trial) -> tuple[float, float]:
        trial.set_constraint("MACs", 5.0)
        raise optuna.TrialPruned

    study.optimize(refuse, n_trials=1)
    refused = study.get_trials()[0]
    assert refused.state == TrialState.PRUNED
    assert refused.constraints == {"MACs": 5.0}
    assert refused.values is None
    assert study.best_trials == []


def test_optuna_queues_the_trial_of_a_killed_process_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_HEARTBEAT_SECONDS", "1")
    url = embedded_url(tmp_path)
    storage = open_storage(url)
    study = optuna.create_study(study_name="one", storage=storage, directions=["maximize", "minimize"])
    code = f"""
import time
from nas.search.study import load_study, open_storage
def idle(trial):
    trial.set_user_attr("kept", 7)
    trial.suggest_int("width", 1, 64)
    print("ready", flush=True)
    time.sleep(60)
load_study(open_storage({url!r}), "one").optimize(idle, n_trials=1)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    wait_until(lambda: heartbeats(storage), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert study.get_trials()[0].state == TrialState.RUNNING
    heartbeat = "UPDATE trial_heartbeats SET heartbeat = datetime('now', '-6 seconds')"
    with storage.engine.begin() as connection:
        assert connection.execute(text(heartbeat)).rowcount == 1
    requeue_dead(study)
    killed, again = study.get_trials()[0], study.get_trials()[-1]
    assert (killed.state, again.state) == (TrialState.FAIL, TrialState.WAITING)
    assert again.user_attrs["kept"] == 7
    assert again.system_attrs["retry_history"] == [0]
    assert again.params == killed.params


def test_a_study_that_is_still_being_set_up_lets_no_worker_in(study: optuna.Study) -> None:
    with pytest.raises(InputError, match="'first' is still being set up"):
        settings_of(study)
