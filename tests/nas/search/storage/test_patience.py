"""Waiting for a database that is away: how often, how long, and for which faults."""

import sqlite3
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from nas.search.storage import patience as module
from nas.search.storage.patience import Patience, StorageLostError, passes
from nas.search.storage.urls import read_url

AWAY = OperationalError("SELECT 1", {}, type("OperationalError", (Exception,), {})("connection refused"))
WRONG = ProgrammingError("SELECT 1", {}, type("ProgrammingError", (Exception,), {})("no such table"))


class Clock:
    """A clock that only sleeping advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def waiting(seconds: float) -> tuple[Patience, list[str]]:
    patience, said = Patience(seconds, read_url("postgresql://user:Secret7@host/database")), list[str]()
    patience.say = said.append
    return patience, said


def failing(clock: Clock, until: float, error: Exception = AWAY) -> Callable[[], str]:
    def call() -> str:
        if clock.now < until:
            raise error
        return "answer"

    return call


def test_a_call_is_repeated_until_the_database_is_back(clock: Clock) -> None:
    patience, said = waiting(60)
    assert patience.call(failing(clock, until=20)) == "answer"
    assert len(said) == 2 and said[0].startswith("the study can't be reached (connection refused)")
    assert said[1].startswith("the study is back after 2")


def test_a_short_fault_is_not_reported(clock: Clock) -> None:
    patience, said = waiting(60)
    assert patience.call(failing(clock, until=1)) == "answer"
    assert said == []


def test_waiting_ends_after_its_seconds(clock: Clock) -> None:
    patience, _ = waiting(60)
    with pytest.raises(StorageLostError, match="the same command continues it"):
        patience.call(failing(clock, until=1000))
    assert 60 < clock.now < 70


def test_a_stop_ends_the_waiting(clock: Clock) -> None:
    patience, _ = waiting(60)
    patience.should_stop = lambda: clock.now > 3
    with pytest.raises(StorageLostError):
        patience.call(failing(clock, until=1000))
    assert clock.now < 10


def test_a_fault_that_does_not_pass_is_raised_at_once(clock: Clock) -> None:
    patience, _ = waiting(60)
    with pytest.raises(StorageLostError):
        patience.call(failing(clock, until=1000, error=WRONG))
    assert clock.now == 0


def test_the_failed_connection_is_dropped_before_each_new_call(clock: Clock) -> None:
    patience, _ = waiting(60)
    forgotten: list[float] = []
    patience.forget = lambda: forgotten.append(clock.now)
    patience.call(failing(clock, until=0.25))
    assert forgotten == [0.0, pytest.approx(0.1)]


@pytest.mark.parametrize(
    ("code", "may_pass"), [(sqlite3.SQLITE_BUSY, True), (sqlite3.SQLITE_FULL, False), (sqlite3.SQLITE_CORRUPT, False)]
)
def test_faults_of_sqlite_are_told_apart_by_their_code(code: int, may_pass: bool) -> None:
    error = sqlite3.OperationalError("fault")
    error.sqlite_errorcode = code
    assert passes(error) is may_pass
