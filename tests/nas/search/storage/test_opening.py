"""Opening a database: settings from the environment, and one sentence where it can't be opened."""

import socket
from pathlib import Path

import pytest

from nas.errors import InputError
from nas.search.storage.opening import GRACE_HEARTBEATS, _answers, open_storage, seconds_from
from nas.search.storage.urls import embedded_url, read_url

VARIABLE = "NAS_HEARTBEAT_SECONDS"


def test_seconds_come_from_the_environment_or_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert seconds_from(VARIABLE, 60.0) == 60.0
    monkeypatch.setenv(VARIABLE, " 2.5 ")
    assert seconds_from(VARIABLE, 60.0) == 2.5


@pytest.mark.parametrize("variable", ["NAS_HEARTBEAT_SECONDS", "NAS_PATIENCE_SECONDS"])
@pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "inf", "1e9", "9" * 5000])
def test_seconds_that_are_none_are_refused_by_name(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=f"{variable} must be a number of seconds from 1 to 86400, not '") as refusal:
        open_storage(embedded_url(tmp_path))
    assert len(str(refusal.value)) < 200


def test_a_dead_worker_is_given_some_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_storage(embedded_url(tmp_path)).grace_period == 300
    monkeypatch.setenv(VARIABLE, "7")
    storage = open_storage(embedded_url(tmp_path))
    assert (storage.heartbeat_interval, storage.grace_period) == (7, 7 * GRACE_HEARTBEATS)


@pytest.mark.parametrize(
    ("file", "reason"), [("missing/study.db", "there is no folder"), ("text.db", "can't be opened")]
)
def test_a_database_that_can_not_be_opened_is_an_error(tmp_path: Path, file: str, reason: str) -> None:
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough to look like one" * 20)
    with pytest.raises(InputError, match=reason):
        open_storage(f"sqlite:///{tmp_path / file}")


def test_a_driver_that_is_not_installed_is_named_with_the_line_that_installs_the_usual_one() -> None:
    pattern = (
        r"needs the package pymysql, which is not installed; run pip install .*'\.\[postgres\]' for URLs that begin"
    )
    with pytest.raises(InputError, match=pattern):
        open_storage("mysql+pymysql://me@127.0.0.1:9/nas")


def test_a_server_answers_if_something_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        url = read_url(f"postgresql+psycopg://user@127.0.0.1:{port}/database")
        assert _answers(url)
    assert not _answers(url)


def test_a_file_always_answers(tmp_path: Path) -> None:
    assert _answers(read_url(embedded_url(tmp_path)))
