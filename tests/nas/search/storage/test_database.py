"""The database of a study: how it is opened, and what happens when it is away."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from searches import check_taken_once
from sqlalchemy import event, text

from nas.search.history import REACHED
from nas.search.storage.database import SearchStorage
from nas.search.storage.opening import open_storage
from nas.search.storage.patience import StorageLostError
from nas.search.storage.urls import embedded_url
from nas.search.workers.holding import Heart, TakenOverError, begin, take, tell


@pytest.fixture
def storage(tmp_path: Path) -> SearchStorage:
    return open_storage(embedded_url(tmp_path))


@pytest.fixture
def study(storage: SearchStorage) -> optuna.Study:
    return optuna.create_study(study_name="one", storage=storage, directions=["maximize", "minimize"])


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """As if another process wrote into the study and never ended."""
    with contextlib.closing(sqlite3.connect(folder / "study.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_sqlite_lets_many_write_while_others_read(storage: SearchStorage) -> None:
    with storage.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 60_000
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 1


def test_who_reads_waits_for_nobody(study: optuna.Study, tmp_path: Path) -> None:
    study.enqueue_trial({"width": 7})
    with locked(tmp_path):
        began = time.monotonic()
        fresh = optuna.load_study(study_name="one", storage=open_storage(embedded_url(tmp_path)))
        assert [trial.state for trial in fresh.get_trials()] == [TrialState.WAITING]
        assert time.monotonic() - began < 10


def test_a_queued_trial_is_taken_once(tmp_path: Path) -> None:
    check_taken_once(embedded_url(tmp_path))


def test_two_that_open_a_new_file_at_one_moment_both_can(tmp_path: Path) -> None:
    code = "import sys; from nas.search.storage.opening import open_storage; input(); open_storage(sys.argv[1])"
    command = [sys.executable, "-c", code, embedded_url(tmp_path)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(3)
    ]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0, 0], errors


def impatient(storage: SearchStorage) -> None:
    """Let SQLite wait for a moment only, so that the storage waits instead, as it does for a server."""
    event.listen(storage.engine, "connect", lambda c, _: c.execute("PRAGMA busy_timeout=20"))
    storage.engine.dispose()


def test_a_result_is_told_once_the_database_is_back(
    study: optuna.Study, storage: SearchStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = begin(study, {"width": 7})
    monkeypatch.setattr("nas.search.storage.patience._SAID_AFTER", 0.0)
    said: list[str] = []
    storage.patience.say = said.append
    impatient(storage)
    with ThreadPoolExecutor(1) as pool:
        with locked(tmp_path):
            told = pool.submit(tell, study, trial, TrialState.COMPLETE, (30.0, 1.0))
            while not said:
                time.sleep(0.01)
            assert not told.done()
        told.result(timeout=30)
    assert study.get_trials()[0].values == [30.0, 1.0]
    assert said[0] == "the study can't be reached (database is locked); waiting for it, 300 s at most"
    assert said[-1].startswith("the study is back after ")


def test_a_database_that_stays_away_ends_the_waiting(
    study: optuna.Study, storage: SearchStorage, tmp_path: Path
) -> None:
    trial = begin(study, {"width": 7})
    impatient(storage)
    storage.patience.seconds = 0.5
    with locked(tmp_path), pytest.raises(StorageLostError, match="database is locked"):
        tell(study, trial, TrialState.COMPLETE, (30.0, 1.0))
    storage.patience.should_stop = lambda: True
    storage.patience.seconds = 300.0
    with locked(tmp_path), pytest.raises(StorageLostError, match="database is locked"):
        tell(study, trial, TrialState.COMPLETE, (30.0, 1.0))


def test_heartbeats_survive_a_database_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_HEARTBEAT_SECONDS", "1")
    storage = open_storage(embedded_url(tmp_path))
    study = optuna.create_study(study_name="one", storage=storage, directions=["maximize", "minimize"])
    impatient(storage)
    trial = begin(study, {"width": 7})
    with Heart(storage, trial) as heart:
        with locked(tmp_path):
            time.sleep(2.5)
        heart.step = 40
        while study.get_trials()[0].user_attrs.get(REACHED) != 40:
            time.sleep(0.05)
        assert not heart.is_lost
        other = open_storage(embedded_url(tmp_path))
        other.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
        while not heart.is_lost:
            time.sleep(0.05)
    with pytest.raises(TakenOverError):
        tell(study, trial, TrialState.COMPLETE, (30.0, 1.0))


def test_a_fault_that_does_not_pass_is_not_waited_for(study: optuna.Study, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute("DROP TABLE trials")
        database.commit()
    began = time.monotonic()
    with pytest.raises(
        StorageLostError, match=r"can't be reached \(no such table: trials\); the same command continues"
    ):
        take(study)
    assert time.monotonic() - began < 20
