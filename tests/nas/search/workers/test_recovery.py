"""What dead workers leave behind is put back, each network once; what kills its workers is given up in the end."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text

from nas.search.history import CRASHES, FIXED, INTERRUPTED, MAX_RETRIES, REACHED, RUNGS, STOPPED, WORKER, history
from nas.search.storage.database import SearchStorage
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url
from nas.search.workers.holding import begin, promote, take
from nas.search.workers.identity import worker_name
from nas.search.workers.recovery import Recovery, put_back

RUNNING, WAITING, FAIL = TrialState.RUNNING, TrialState.WAITING, TrialState.FAIL


def dead_worker() -> str:
    """Return the name of a process of this machine that has ended."""
    machine = worker_name().partition("/")[0]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return f"{machine}/{ended.pid}/12345"


@dataclass
class Bench:
    """A study whose queue holds one trial, and one who looks after it."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.storage: SearchStorage = open_storage(embedded_url(self.folder))
        self.study = optuna.create_study(
            study_name="one", storage=self.storage, directions=["maximize", "minimize"], load_if_exists=True
        )
        self.recovery = Recovery(self.study, self.storage, self.said.append)

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.study.get_trials()

    def take_and_die(self, **attributes: Any) -> int:
        """Take the next trial as a worker does that then is killed."""
        trial = take(self.study)
        for name, value in {**attributes, WORKER: dead_worker()}.items():
            trial.set_user_attr(name, value)
        return trial.number

    def waiting(self) -> list[FrozenTrial]:
        return self.study.get_trials(states=(WAITING,))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    bench.study.enqueue_trial({"width": 7}, user_attrs={"name": "dots/Dots-A"})
    return bench


def test_a_trial_of_a_dead_process_is_put_back_with_its_choices(bench: Bench) -> None:
    number = bench.take_and_die()
    bench.recovery.look()
    assert bench.trials[number].state == FAIL
    (again,) = bench.waiting()
    assert again.system_attrs[FIXED] == {"width": 7}
    assert again.user_attrs["name"] == "dots/Dots-A" and WORKER not in again.user_attrs
    assert bench.said == ["dots/Dots-A lost its worker; it goes back into the queue"]


def test_a_process_that_has_the_number_of_a_dead_one_is_not_the_worker(bench: Bench) -> None:
    machine, pid, _ = worker_name().split("/")
    trial = take(bench.study)
    trial.set_user_attr(WORKER, f"{machine}/{pid}/1")  # this process's number, but it started when the machine did
    bench.recovery.look()
    assert bench.trials[trial.number].state == FAIL


def test_trials_of_living_and_of_far_processes_are_left_alone(bench: Bench) -> None:
    boot_of_another = f"0000:{worker_name().partition('/')[0].partition(':')[2]}/1/1"
    for worker in (worker_name(), boot_of_another):
        take(bench.study).set_user_attr(WORKER, worker)
        bench.recovery.look()
    assert [trial.state for trial in bench.trials] == [RUNNING, RUNNING]


def test_a_killed_child_that_its_parent_has_not_buried_yet_is_dead(bench: Bench) -> None:
    child = subprocess.Popen(["sleep", "60"])
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    trial = take(bench.study)
    trial.set_user_attr(WORKER, f"{worker_name().partition('/')[0]}/{child.pid}/{fields[19]}")
    bench.recovery.look()
    assert bench.trials[trial.number].state == RUNNING
    child.kill()
    while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    bench.recovery.look()
    assert bench.trials[trial.number].state == FAIL
    child.wait()


def test_a_trial_taken_by_nobody_is_put_back_after_the_grace_period(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker was killed between taking it and its first heartbeat."""
    clock = [1000.0]
    monkeypatch.setattr("nas.search.workers.recovery.time.monotonic", lambda: clock[0])
    (queued,) = bench.waiting()
    assert bench.study._storage.set_trial_state_values(queued._trial_id, state=RUNNING)
    for seconds in (0, 100, 299):
        clock[0] = 1000.0 + seconds
        bench.recovery.look()
        assert bench.trials[0].state == RUNNING and bench.waiting() == []
        assert bench.recovery.unclear == [0]
    clock[0] = 1301.0
    bench.recovery.look()
    assert bench.trials[0].state == FAIL and len(bench.waiting()) == 1
    bench.recovery.look()
    assert len(bench.waiting()) == 1 and bench.recovery.unclear == []


def test_a_worker_that_has_just_taken_a_trial_is_given_time_to_say_its_name(bench: Bench) -> None:
    bench.take_and_die()
    bench.recovery.look()
    (again,) = bench.waiting()
    assert bench.study._storage.set_trial_state_values(again._trial_id, state=RUNNING)
    bench.recovery.look()
    assert bench.trials[again.number].state == RUNNING


def test_what_was_marked_as_failed_but_not_put_back_is_put_back_by_the_next_worker(bench: Bench) -> None:
    """A worker was killed between the two."""
    number = bench.take_and_die()
    bench.study.tell(number, state=FAIL)
    bench.recovery.look()
    assert len(bench.waiting()) == 1
    Bench(bench.folder).recovery.look()
    assert len(bench.waiting()) == 1


def test_a_worker_that_is_there_already_waits_for_who_may_be_about_to_put_it_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("nas.search.workers.recovery.time.monotonic", lambda: clock[0])
    bench.recovery.look()
    number = bench.take_and_die()
    bench.study.tell(number, state=FAIL)
    bench.recovery.look()
    assert bench.waiting() == []
    clock[0] += 301
    bench.recovery.look()
    assert len(bench.waiting()) == 1


def test_a_network_that_went_on_elsewhere_is_not_put_back(bench: Bench) -> None:
    number = bench.take_and_die(fingerprint="f")
    bench.study.tell(number, state=FAIL)
    other = begin(bench.study, {"width": 7}, {"fingerprint": "f"})
    bench.recovery.look()
    bench.study.tell(other, (30.0, 1.0))
    Bench(bench.folder).recovery.look()
    assert bench.waiting() == []


def test_choices_that_were_still_being_drawn_are_left(bench: Bench) -> None:
    take(bench.study)
    trial = begin(bench.study)
    trial.suggest_int("width", 1, 64)
    trial.set_user_attr(WORKER, dead_worker())
    bench.recovery.look()
    assert bench.trials[trial.number].state == FAIL
    assert bench.waiting() == [] and bench.said == []


def test_a_network_that_kills_its_workers_is_given_up_and_that_is_said(bench: Bench) -> None:
    for _ in range(MAX_RETRIES + 1):
        assert len(bench.waiting()) == 1
        bench.take_and_die()
        bench.recovery.look()
    assert bench.waiting() == []
    assert bench.said[-1] == "dots/Dots-A is given up: 4 workers died while training it, and none trained it further"
    Bench(bench.folder).recovery.look()
    assert bench.waiting() == []


def test_a_network_that_gets_farther_each_time_is_never_given_up(bench: Bench) -> None:
    for step in range(3 * MAX_RETRIES):
        bench.take_and_die(**{REACHED: 100 * (step + 1)})
        bench.recovery.look()
        assert bench.waiting()[0].user_attrs[CRASHES] == 1
    for _ in range(MAX_RETRIES):
        bench.take_and_die()
        bench.recovery.look()
    assert bench.waiting() == []


def test_a_rung_counts_as_getting_farther(bench: Bench) -> None:
    for step in (10, 30, 90):
        bench.take_and_die(**{RUNGS: {str(step): {"psnr": 30.0}}, "fingerprint": "f"})
        bench.recovery.look()
        assert bench.waiting()[0].user_attrs[CRASHES] == 1


def test_stopping_politely_does_not_use_up_the_retries(bench: Bench) -> None:
    for _ in range(MAX_RETRIES + 2):
        trial = take(bench.study)
        trial.set_user_attr(STOPPED, INTERRUPTED)
        bench.study.tell(trial, state=FAIL)
        put_back(bench.study, bench.trials[trial.number], bench.said.append)
    assert len(bench.waiting()) == 1 and bench.said == []


def test_a_trial_whose_heartbeats_have_ended_is_put_back(bench: Bench) -> None:
    trial = take(bench.study)
    trial.set_user_attr(WORKER, "another machine/1/1")
    with bench.storage.engine.begin() as connection:
        rows = connection.execute(text("UPDATE trial_heartbeats SET heartbeat = datetime('now', '-301 seconds')"))
        assert rows.rowcount == 1
    bench.recovery.look()
    assert bench.trials[trial.number].state == FAIL
    assert bench.waiting()[0].system_attrs["retry_history"] == [trial.number]


def test_a_promoted_network_is_its_workers_from_the_beginning(bench: Bench) -> None:
    first = take(bench.study)
    attributes = {"fingerprint": "f", "macs": 1e9, "params": 7, "claimed": True, STOPPED: "rung 10"}
    for name, value in {**attributes, RUNGS: {"10": {"psnr": 30.0}}}.items():
        first.set_user_attr(name, value)
    bench.study.tell(first, state=TrialState.PRUNED)
    for width in (8, 9):
        bench.study.enqueue_trial({"width": width})
    (measured,) = history(bench.trials)
    trial = promote(bench.study, measured)
    promoted = bench.trials[trial.number]
    assert promoted.state == RUNNING and promoted.user_attrs[WORKER] == worker_name()
    assert promoted.user_attrs[RUNGS] == {"10": {"psnr": 30.0}}
    assert STOPPED not in promoted.user_attrs and "claimed" not in promoted.user_attrs
    assert promoted.system_attrs[FIXED] == measured.choices


def test_what_was_trained_before_is_taken_first(bench: Bench) -> None:
    number = bench.take_and_die(**{"fingerprint": "f", RUNGS: {"10": {"psnr": 30.0}}})
    for width in (8, 9):
        bench.study.enqueue_trial({"width": width})
    bench.recovery.look()
    assert bench.trials[take(bench.study).number].system_attrs["retry_history"] == [number]
