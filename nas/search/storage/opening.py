"""Opening the database of a study; failures are reported in one sentence."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import IntegrityError, ProgrammingError

from nas.errors import InputError
from nas.search.storage.database import ALONE, SearchStorage
from nas.search.storage.patience import FAULTS, Patience, passes, reason_of
from nas.search.storage.urls import DatabaseUrl, read_url

HEARTBEAT_SECONDS = 60
GRACE_HEARTBEATS = 5
"""A worker that misses this many heartbeats counts as dead; shorter times have killed live trials (optuna#5470)."""

PATIENCE_SECONDS = 300.0
"""Maximum wait for a database that is away. A training continues meanwhile, since it needs no database."""

OPENING_SECONDS = 30.0
"""Maximum wait for a server at the start of a command; short, since the URL may be mistyped."""

_MOST_TRIES = 5
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
"""Default ports of servers."""


def open_storage(url: str) -> SearchStorage:
    """Open the database at a SQLAlchemy URL, with heartbeats. Raises InputError if it can't be opened.

    A SQLite file is put into WAL mode with a long timeout, so that many processes write and the dashboard reads.
    """
    heartbeat = int(seconds_from("NAS_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS))
    patience = seconds_from("NAS_PATIENCE_SECONDS", PATIENCE_SECONDS)
    database = read_url(url)
    if database.file and not database.file.parent.is_dir():
        raise InputError(f"The storage {database.shown} can't be opened: there is no folder {database.file.parent}.")
    engine: dict[str, Any] = {"pool_size": 1, "max_overflow": 2, "pool_pre_ping": True}
    if database.is_sqlite:
        engine = {"connect_args": {"timeout": 60}}

    def make() -> SearchStorage:
        return SearchStorage(
            database.full,
            engine_kwargs=engine,
            heartbeat_interval=heartbeat,
            grace_period=heartbeat * GRACE_HEARTBEATS,
        )

    try:
        with _first_use(database.file):
            storage = _opened(make, database, min(patience, OPENING_SECONDS))
    except ImportError as error:
        package = error.name or getattr(error.__cause__, "name", None) or "of its driver"
        raise InputError(
            f"The storage {database.shown} needs the package {package}, which is not installed; run "
            "pip install -c constraints.txt -e '.[postgres]' for URLs that begin with postgresql+psycopg://."
        ) from None
    except (*FAULTS, ValueError, TypeError, OSError, RuntimeError) as error:
        raise InputError(f"The storage {database.shown} can't be opened: {reason_of(error, database)}.") from None
    storage.patience = Patience(patience, database)
    storage.patience.forget = storage.forget
    if database.is_sqlite:
        _use_wal(storage.engine)
    return storage


def _opened(make: Callable[[], SearchStorage], database: DatabaseUrl, seconds: float) -> SearchStorage:
    """Return the storage. Waits up to `seconds` for a server that does not answer, since it may be restarting.

    Several machines that create the tables of a server at the same moment disturb each other: they try again.
    """
    deadline, tries, was_away = time.monotonic() + seconds, 0, False
    while True:
        try:
            return make()
        except (IntegrityError, ProgrammingError):
            tries += 1
            if tries > _MOST_TRIES:
                raise
        except FAULTS as error:
            # A server that has just come back may refuse connections for a moment. A server that was never away
            # refuses for a reason, such as a wrong password.
            was_away = was_away or not _answers(database)
            if not (was_away and passes(error)) or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _answers(database: DatabaseUrl) -> bool:
    """Return whether anything listens at the address of a server; True if the URL does not tell the address."""
    url = make_url(database.full)
    port = url.port or _PORTS.get(url.get_backend_name())
    if database.is_sqlite or not url.host or port is None:
        return True
    try:
        socket.create_connection((url.host, port), timeout=2).close()
    except OSError:
        return False
    return True


def seconds_from(variable: str, default: float) -> float:
    """Return the seconds in an environment variable, at least 1. Raises InputError."""
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86_400:
        raise InputError(f"{variable} must be a number of seconds from 1 to 86400, not '{text[:40]}'.")
    return seconds


_OPENING = threading.Lock()


@contextlib.contextmanager
def _first_use(file: Path | None) -> Iterator[None]:
    """Let one process at a time create the tables of an SQLite file, since Optuna does so without a lock."""
    if file is None:
        yield
        return
    with _OPENING, FileLock(file.with_name(f".{file.name}.lock"), timeout=60):
        yield


def _use_wal(engine: Engine) -> None:
    def configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    def begin(connection: Connection) -> None:
        if ALONE.get():
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin)
    engine.dispose()  # drops connections from before the listeners
