"""The database of a search, which can be cut off: a SQLite file in the run's folder, or a PostgreSQL server."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from chaos_kit.commands import living, send

STUDY = "chaos"
JUST_TAKEN = text(
    "SELECT number FROM trials t WHERE state = 'RUNNING' AND NOT EXISTS"
    " (SELECT 1 FROM trial_user_attributes a WHERE a.trial_id = t.trial_id AND a.key = 'worker')"
)


class Database(ABC):
    """Where a study lies."""

    is_cut = False
    """Whether it can't be reached now."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL of SQLAlchemy."""

    @abstractmethod
    def cut(self, how: str) -> None:
        """Make it unreachable."""

    @abstractmethod
    def mend(self) -> None:
        """Make it reachable again."""

    def close(self) -> None:
        """Leave nothing behind."""
        self._engine.dispose()

    def trials(self) -> list[FrozenTrial]:
        """Return the trials of the study."""
        return optuna.load_study(study_name=STUDY, storage=self._storage).get_trials(deepcopy=False)

    def just_taken(self) -> list[int]:
        """Return the numbers of the trials that a worker has taken but not yet put its name to."""
        with self._engine.connect() as connection:
            return [number for (number,) in connection.execute(JUST_TAKEN)]

    @cached_property
    def _storage(self) -> RDBStorage:
        return RDBStorage(self.url, {"pool_pre_ping": True}, skip_compatibility_check=True, skip_table_creation=True)

    @cached_property
    def _engine(self) -> Engine:
        return create_engine(self.url, pool_pre_ping=True)


class SqliteFile(Database):
    """The file `study.db` of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: sqlite3.Connection | None = None

    @property
    def url(self) -> str:
        """The URL of SQLAlchemy."""
        return f"sqlite:///{self.path}"

    def cut(self, how: str) -> None:
        """Lock the file."""
        self._lock = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        self._lock.execute("BEGIN EXCLUSIVE")

    def mend(self) -> None:
        """Let go of the file."""
        if self._lock is not None:
            self._lock.execute("ROLLBACK")
            self._lock.close()
            self._lock = None


class PostgresServer(Database):
    """A PostgreSQL server on a free port."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="nas-chaos-")  # where another user may enter
        self.folder, self.port = Path(self._temporary.name), _free_port()
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-U", "nas", "-A", "trust", "--no-sync")
        self._start()
        try:
            with create_engine(f"{self._server}/postgres", isolation_level="AUTOCOMMIT").connect() as connection:
                connection.execute(text(f"CREATE DATABASE {STUDY}"))
        except SQLAlchemyError:
            self.close()
            raise

    @property
    def url(self) -> str:
        """The URL of SQLAlchemy."""
        return f"{self._server}/{STUDY}"

    @property
    def _server(self) -> str:
        return f"postgresql+psycopg://nas@127.0.0.1:{self.port}"

    def cut(self, how: str) -> None:
        """`stop` the server at once, as a power cut does, or `freeze` it."""
        self.is_cut = True
        if how == "freeze":
            self._signal(signal.SIGSTOP)
        else:
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def mend(self) -> None:
        """Start the server, or let it run on."""
        if self._processes():
            self._signal(signal.SIGCONT)
        else:
            self._start()
        self.is_cut = False

    def close(self) -> None:
        """Stop the server for good."""
        super().close()
        self._signal(signal.SIGCONT)
        if self._processes():
            self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        self._temporary.cleanup()

    def _start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self.folder} -c fsync=off -c max_connections=40"
        self._run("pg_ctl", "-w", "-l", self.folder / "server.log", "-o", options, "start")

    def _processes(self) -> list[int]:
        lock = self.folder / "data" / "postmaster.pid"
        if not lock.is_file():
            return []
        first = int(lock.read_text().splitlines()[0])
        return [number for number, parent, *_ in living() if first in (number, parent)]

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes():
            send(process, number)

    def _run(self, program: str, *arguments: object) -> None:
        log = self.folder / f"{program}.log"
        command = [programs() / program, "-D", self.folder / "data", *map(str, arguments)]
        with log.open("a") as file:
            done = subprocess.run(command, user=self._user, cwd=self.folder, stdout=file, stderr=subprocess.STDOUT)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {log.read_text()}")


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest of several. Raises FileNotFoundError."""
    debian: Sequence[Path] = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = shutil.which("initdb")
    if not debian and not found:
        raise FileNotFoundError("PostgreSQL's initdb and pg_ctl are not installed (Debian: postgresql).")
    return debian[-1] if debian else Path(str(found)).parent


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
