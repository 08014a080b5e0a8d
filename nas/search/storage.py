"""The database of a study: opened with one sentence where it can't be, waited for where it is away for a while."""

import contextlib
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nas.errors import InputError, RunError
from nas.search.urls import DatabaseUrl, read_url

P = ParamSpec("P")
R = TypeVar("R")

HEARTBEAT_SECONDS = 60
GRACE_HEARTBEATS = 5
"""A worker silent for so many heartbeats is taken for dead; shorter times have killed live trials (optuna#5470)."""

PATIENCE_SECONDS = 300.0
"""How long a database that is away is waited for; a training goes on meanwhile, since it needs none."""

FAULTS = (SQLAlchemyError, StorageInternalError, sqlite3.Error)
"""What Optuna's storage raises when the database fails it."""

_PASSING = ("OperationalError", "InterfaceError", "InternalError")
"""Errors of a server that is away, restarting or overloaded (PEP 249); a ProgrammingError stays one."""

_LASTING = (
    sqlite3.SQLITE_ERROR,  # such as a table that is missing
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
)
"""SQLite's errors that waiting doesn't mend (https://www.sqlite.org/rescode.html); the low byte of the code."""

OPENING_SECONDS = 30.0
"""How long a command waits for a server when it starts: its user may have mistyped the URL."""

_MOST_TRIES = 5
_PORTS = {"postgresql": 5432, "mysql": 3306, "mariadb": 3306}
"""Where servers listen whose URL doesn't say."""

_FIRST_PAUSE, _LONGEST_PAUSE, _SAID_AFTER = 0.1, 5.0, 3.0


class StorageLostError(RunError):
    """The database can't be used, and waiting for it didn't help."""


class Patience:
    """Waits for a database that is away, and says so; one for each storage, whichever thread calls."""

    def __init__(self, seconds: float, database: DatabaseUrl) -> None:
        self.seconds, self.database = seconds, database
        self.forget: Callable[[], None] = lambda: None
        """Gives up what is left of the connection that failed."""
        self.say: Callable[[str], None] = lambda line: None
        self.should_stop: Callable[[], bool] = lambda: False

    def call(self, function: Callable[[], R]) -> R:
        """Return what `function` returns, called again while the database is away.

        Raises StorageLostError when it is away for longer than `seconds` or a stop is asked for meanwhile, and at once
        for a fault that doesn't pass.
        """
        began, pause, said = time.monotonic(), _FIRST_PAUSE, False
        while True:
            try:
                result = function()
            except FAULTS as error:
                self.forget()
                waited = time.monotonic() - began
                if not _passes(error) or waited > self.seconds or self.should_stop():
                    raise self.lost(error) from error
                if not said and waited > _SAID_AFTER:
                    said = True
                    reason = reason_of(error, self.database)
                    self.say(f"the study can't be reached ({reason}); waiting for it, {self.seconds:.0f} s at most")
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if said:
                self.say(f"the study is back after {time.monotonic() - began:.0f} s")
            return result

    def lost(self, error: BaseException) -> StorageLostError:
        """Return the error that says why the study can't be reached."""
        reason = reason_of(error, self.database)
        return StorageLostError(f"The study can't be reached ({reason}); the same command goes on with it.")


def reason_of(error: BaseException, database: DatabaseUrl) -> str:
    """Return what is behind a fault of the database, in the words of its driver: one line, no SQL, no secret."""
    return database.reason(_innermost(error))[:200]


def _innermost(error: BaseException) -> BaseException:
    """Return the driver's error; Optuna's and SQLAlchemy's wrap it, and their words are about something else."""
    while True:
        inner = error.orig if isinstance(error, DBAPIError) else error.__cause__
        if inner is None:
            return error
        error = inner


def _passes(error: BaseException) -> bool:
    """Tell whether a fault may be gone in a while."""
    cause = _innermost(error)
    if isinstance(cause, PoolTimeoutError | PendingRollbackError):  # of a connection that was lost
        return True
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code not in _LASTING
    return any(kind.__name__ in _PASSING for kind in type(cause).__mro__)


def _patient(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Return a method of the storage that waits where the database is away."""

    def waiting(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        patience: Patience = self.patience
        return patience.call(lambda: method(self, *args, **kwargs))

    return waiting


class SearchStorage(RDBStorage):
    """Optuna's storage, whose calls wait for a database that is away.

    A call whose answer was lost is made again, so each must bear being made twice: what creates a trial may leave one
    more, which has no worker and is found by `nas.search.recovery`.
    """

    patience: Patience

    create_new_study = _patient(RDBStorage.create_new_study)
    set_study_user_attr = _patient(RDBStorage.set_study_user_attr)
    set_study_system_attr = _patient(RDBStorage.set_study_system_attr)
    get_study_id_from_name = _patient(RDBStorage.get_study_id_from_name)
    get_study_name_from_id = _patient(RDBStorage.get_study_name_from_id)
    get_study_directions = _patient(RDBStorage.get_study_directions)
    get_study_user_attrs = _patient(RDBStorage.get_study_user_attrs)
    get_study_system_attrs = _patient(RDBStorage.get_study_system_attrs)
    get_all_studies = _patient(RDBStorage.get_all_studies)
    set_trial_user_attr = _patient(RDBStorage.set_trial_user_attr)
    set_trial_system_attr = _patient(RDBStorage.set_trial_system_attr)
    get_trial = _patient(RDBStorage.get_trial)
    record_heartbeat = _patient(RDBStorage.record_heartbeat)
    # What Optuna's cache before the database calls: it has no public names for these.
    _create_new_trial = _patient(RDBStorage._create_new_trial)
    _set_trial_param = _patient(RDBStorage._set_trial_param)
    _get_trials = _patient(RDBStorage._get_trials)
    _get_stale_trial_ids = _patient(RDBStorage._get_stale_trial_ids)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Change a trial's state, which it must not do beside another process that does."""

        def change() -> bool:
            with _alone():
                return RDBStorage.set_trial_state_values(self, trial_id, state, values)

        return self.patience.call(change)

    def forget(self) -> None:
        """Close this thread's session, whatever state a lost connection has left it in; the next call opens another."""
        with contextlib.suppress(*FAULTS):
            self.remove_session()

    # For a thread that has nobody waiting for it, and comes again:

    def beat(self, trial_id: int) -> None:
        """Record a heartbeat without waiting. Raises one of FAULTS."""
        RDBStorage.record_heartbeat(self, trial_id)

    def state_of(self, trial_id: int) -> TrialState:
        """Return the state of a trial without waiting. Raises one of FAULTS."""
        return RDBStorage.get_trial(self, trial_id).state

    def set_at_once(self, trial_id: int, key: str, value: int) -> None:
        """Set a trial's user attribute without waiting. Raises one of FAULTS."""
        RDBStorage.set_trial_user_attr(self, trial_id, key, value)


_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """In here a transaction on SQLite keeps all others from writing, from its beginning on.

    SQLite has no SELECT … FOR UPDATE: two workers would both see a queued trial waiting, and both take it. Other
    transactions take the lock when they first write, so that whoever reads waits for nobody.
    """
    token = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(token)


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
    except (*FAULTS, ImportError, ValueError, TypeError, OSError, RuntimeError) as error:
        raise InputError(f"The storage {database.shown} can't be opened: {reason_of(error, database)}.") from None
    storage.patience = Patience(patience, database)
    storage.patience.forget = storage.forget
    if database.is_sqlite:
        _use_wal(storage.engine)
    return storage


def _opened(make: Callable[[], SearchStorage], database: DatabaseUrl, seconds: float) -> SearchStorage:
    """Return the storage; a server that nobody answers for is waited for, since it may be restarting.

    Several machines that make a server's tables at once get into each other's way: they try again.
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
            # One that has come back may refuse connections for a moment; one that was there refuses for a reason.
            was_away = was_away or not _answers(database)
            if not (was_away and _passes(error)) or time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _answers(database: DatabaseUrl) -> bool:
    """Tell whether anything listens where a server's URL says; True where that can't be told."""
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
    """One process at a time makes the tables of a SQLite file, which Optuna does without a lock."""
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
        if _ALONE.get():
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin)
    engine.dispose()  # connections from before the listeners
