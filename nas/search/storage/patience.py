"""Waiting for a database that is away; faults that do not pass are raised at once."""

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from nas.errors import RunError
from nas.search.storage.urls import DatabaseUrl

R = TypeVar("R")

FAULTS = (SQLAlchemyError, StorageInternalError, sqlite3.Error)
"""The exceptions of Optuna's storage when the database fails."""

_PASSING = ("OperationalError", "InterfaceError", "InternalError")
"""Errors of a server that is away, restarting or overloaded (PEP 249). A ProgrammingError does not pass."""

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
"""SQLite's errors that do not pass (https://www.sqlite.org/rescode.html), by the low byte of the code."""

_FIRST_PAUSE, _LONGEST_PAUSE, _SAID_AFTER = 0.1, 5.0, 3.0


class StorageLostError(RunError):
    """The database cannot be used, and waiting did not help."""


class Patience:
    """Waits for a database that is away, with a message. Each storage has one, shared by all threads."""

    def __init__(self, seconds: float, database: DatabaseUrl) -> None:
        self.seconds, self.database = seconds, database
        self.forget: Callable[[], None] = lambda: None
        """Drops the failed connection."""
        self.say: Callable[[str], None] = lambda line: None
        self.should_stop: Callable[[], bool] = lambda: False

    def call(self, function: Callable[[], R]) -> R:
        """Call `function`, again while the database is away, and return its result.

        Raises StorageLostError if the database is away for longer than `seconds`, if a stop is requested meanwhile, and
        at once for a fault that does not pass.
        """
        began, pause, said = time.monotonic(), _FIRST_PAUSE, False
        while True:
            try:
                result = function()
            except FAULTS as error:
                self.forget()
                waited = time.monotonic() - began
                if not passes(error) or waited > self.seconds or self.should_stop():
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
        return StorageLostError(f"The study can't be reached ({reason}); the same command continues it.")


def reason_of(error: BaseException, database: DatabaseUrl) -> str:
    """Return the cause of a fault of the database in the words of its driver: one line, no SQL, no secret."""
    return database.reason(_innermost(error))[:200]


def _innermost(error: BaseException) -> BaseException:
    """Return the driver's error, which the errors of Optuna and SQLAlchemy wrap."""
    while True:
        inner = error.orig if isinstance(error, DBAPIError) else error.__cause__
        if inner is None:
            return error
        error = inner


def passes(error: BaseException) -> bool:
    """Return whether a fault may pass by waiting."""
    cause = _innermost(error)
    if isinstance(cause, PoolTimeoutError | PendingRollbackError):  # the connection was lost
        return True
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return code not in _LASTING
    return any(kind.__name__ in _PASSING for kind in type(cause).__mro__)
