"""Workers with nothing in common but a PostgreSQL server."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from searches import Begin, check_taken_once, fingerprints, finish, read_trials, start_nas, wait_until, work
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from nas.errors import InputError
from nas.search.run import open_run
from nas.search.storage.opening import open_storage
from nas.search.workers.holding import begin, tell
from nas.search.workers.join import join

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")

PASSWORD = "swordfish"
TRIALS = 4


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest of several."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    if not debian and not found:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed (Debian: postgresql)")
    return debian[-1] if debian else Path(str(found)).parent


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server of our own on a free port; yields its URL without a database."""
    bins, user = programs(), "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    # Not below pytest's folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="nas-postgres-") as name, socket.create_server(("127.0.0.1", 0)) as probe:
        folder, port = Path(name), probe.getsockname()[1]
        probe.close()
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)

        def run(program: str, *arguments: object) -> None:
            log = folder / f"{program}.log"
            command = [bins / program, "-D", folder / "data", *map(str, arguments)]
            done = subprocess.run(command, user=user, cwd=folder, stdout=log.open("a"), stderr=subprocess.STDOUT)
            assert done.returncode == 0, log.read_text()

        run("initdb", "-U", "nas", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync")
        options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("pg_ctl", "-w", "-l", folder / "server.log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://nas:{PASSWORD}@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-w", "-m", "fast", "stop")


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    import psycopg

    name = f"d{abs(hash(request.node.name))}"
    plain = server.replace("+psycopg", "")
    with psycopg.connect(f"{plain}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{server}/{name}"


def test_two_machines_share_a_study_and_the_kill_of_one_loses_nothing(
    url: str, begin: Begin, tmp_path: Path, tiny_data: Path
) -> None:
    begin(results="here/results", storage=url, space="slow", steps=120, trials=TRIALS)
    shutil.copytree(tiny_data, tmp_path / "there" / "images")
    command = ("search", "--run", "first", "--storage", url)
    first = start_nas(tmp_path / "here", *command, heartbeat=1)
    command = ("worker", "--storage", url, "--study", "first", "--data", "images")
    second = start_nas(tmp_path / "there", *command, heartbeat=1)

    wait_until(lambda: {pid(trial) for trial in in_training(url)} == {first.pid, second.pid}, first, second)
    first.kill()
    first.communicate()
    (victim,) = [trial for trial in in_training(url) if pid(trial) == first.pid]
    assert "This worker ends: done." in finish(second)

    trials = read_trials(url)
    trained = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(trained) == len(set(fingerprints(trained))) == TRIALS
    assert trials[victim.number].state == TrialState.FAIL
    (again,) = [trial for trial in trained if fingerprints([trial]) == fingerprints([victim])]
    assert pid(again) == second.pid
    assert not [trial for trial in trials if trial.state in (TrialState.RUNNING, TrialState.WAITING)]


def in_training(url: str) -> list[FrozenTrial]:
    return [t for t in read_trials(url) if t.state == TrialState.RUNNING and "claimed" in t.user_attrs]


def pid(trial: FrozenTrial) -> int:
    return int(trial.user_attrs["worker"].split("/")[1])


def test_a_queued_trial_is_taken_once(url: str) -> None:
    check_taken_once(url)


def test_a_run_goes_on_with_the_password_from_the_environment(
    url: str, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.warns(UserWarning, match="'password' of the --storage URL may be secret and is not stored"):
        run, data = begin(storage=url.replace(f":{PASSWORD}@", "@") + f"?password={PASSWORD}", trials=1)
    work(run, data)
    assert PASSWORD not in (run.folder / "search.yaml").read_text()
    assert PASSWORD not in str(run.study.user_attrs)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert len(open_run(str(run.folder)).candidates()) == 1


def test_joining_a_study_writes_no_password(
    url: str, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(storage=url)
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    joined = join(None, url, "first")
    assert joined.settings.trials == 3
    assert PASSWORD not in (joined.folder / "search.yaml").read_text()
    with pytest.raises(InputError, match="holds no study 'second'"):
        join(None, url, "second")


def test_a_wrong_password_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InputError, match=r"can't be opened: .*password authentication failed") as refusal:
        open_storage(url.replace(PASSWORD, "hammerhead"))
    assert "hammerhead" not in str(refusal.value)


def test_what_a_lost_connection_leaves_behind_does_not_end_the_work(url: str, server: str) -> None:
    """The server goes away within a transaction that a second Ctrl-C then leaves as it is."""
    import psycopg

    storage = open_storage(url)
    study = optuna.create_study(study_name="one", storage=storage, directions=["maximize", "minimize"])
    trial = begin(study, {"width": 7})
    session = storage.scoped_session()
    session.execute(text("SELECT 1"))
    with psycopg.connect(f"{server.replace('+psycopg', '')}/postgres", autocommit=True) as admin:
        name = url.rpartition("/")[2]
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    with pytest.raises(OperationalError):
        session.execute(text("SELECT 1"))
    trial.set_user_attr("reached", 7)
    tell(study, trial, TrialState.COMPLETE, (30.0, 1.0))
    assert study.get_trials()[0].values == [30.0, 1.0]


def test_a_server_that_is_being_restarted_is_waited_for(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A worker starts while nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    real = make_url(url)

    def forward(near: socket.socket, far: socket.socket) -> None:
        while data := near.recv(65536):
            far.sendall(data)

    def answer() -> None:
        time.sleep(2.0)
        with socket.create_server(("127.0.0.1", port)) as listening:
            for _ in range(4):
                near, _ = listening.accept()
                far = socket.create_connection((real.host, real.port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=forward, args=pair, daemon=True).start()

    threading.Thread(target=answer, daemon=True).start()
    began = time.monotonic()
    late = real.set(port=port).render_as_string(hide_password=False)
    assert open_storage(late).get_all_studies() == []
    assert time.monotonic() - began >= 2.0
