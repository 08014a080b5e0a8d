"""What a database's URL says of a password is neither written down nor printed, however it is spelt."""

import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import Begin

from nas.errors import InputError
from nas.search.run import open_run
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url, read_url, without_secrets

SECRET = "Sword-fish7"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers at these URLs, and nobody will."""
    monkeypatch.setenv("NAS_PATIENCE_SECONDS", "1")


PORT = "127.0.0.1:9"

READ = (
    f"postgresql+psycopg://me:{SECRET}@{PORT}/nas",
    f"postgresql://me:{SECRET}@[::1]:9/nas",
    f"postgresql+psycopg://me:{SECRET}%40home@{PORT}/nas",
    f"postgresql+psycopg://me:{SECRET}/x?y#z@{PORT}/nas",
    f"postgresql+psycopg://:{SECRET}@{PORT}/nas",
    f"postgresql+psycopg://{PORT}/nas?user=me&password={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?sslmode=require&sslpassword={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?options=-c%20my.token%3D{SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?sslmode=require;password={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?sslmode=require?password={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?passfile=/home/me/.pgpass&PASSWORD={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?service=home&{SECRET}=1",
    f"postgresql+psycopg://me:{{SCHEMA_VERSION}}{SECRET}@{PORT}/nas",
    f"mysql+pymysql://me:{SECRET}@{PORT}/nas?charset=utf8mb4",
    f"mysql+pymysql://me@{PORT}/nas?passwd={SECRET}&ssl_ca=/ca.pem",
    f"mssql+pyodbc://?odbc_connect=DRIVER%3Dx%3BPWD%3D{SECRET}",
    f"oracle+nothing://me:{SECRET}@127.0.0.1/nas",
    f"sqlite+pysqlcipher://:{SECRET}@/study.db",
)
REFUSED = (
    f"postgresql+psycopg://me:p@{SECRET}@{PORT}/nas",
    f"postgresql+psycopg://me:p@{SECRET}/q@{PORT}/nas",
    f"postgresql+psycopg://me:p@{SECRET}?q=r@{PORT}/nas",
    f"postgresql+psycopg://me:p@x#{SECRET}@{PORT}/nas",
    f"postgresql+psycopg://me/home:{SECRET}@{PORT}/nas",
    f"postgresql+psycopg://me:{SECRET}@127.0.0.1:port/nas",
    f"postgresql+psycopg://me:{SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas;password={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas#password={SECRET}",
    f"postgresql+psycopg://me@{PORT}/nas?host=u:{SECRET}@elsewhere",
    f"postgresql:me:{SECRET}@{PORT}/nas",
    f"postgresql:/me:{SECRET}@{PORT}/nas",
    f"//me:{SECRET}@{PORT}/nas",
    f"me:{SECRET}@{PORT}/nas",
    f"{SECRET}@{PORT}/nas",
    f"oracle://me/{SECRET}@127.0.0.1/nas",
    f"host=127.0.0.1 user=me password={SECRET} dbname=nas",
    f"sqlite:///study.db?password={SECRET}",
    f"sqlite:study.db?key={SECRET}",
)


@pytest.mark.parametrize("url", READ)
def test_a_url_is_shown_without_what_may_be_secret(url: str) -> None:
    read = read_url(url)
    assert SECRET in read.full.replace("%2D", "-")
    assert SECRET not in read.shown
    again = read_url(read.shown)
    assert (again.shown, again.left_out) == (read.shown, ())


@pytest.mark.parametrize("url", REFUSED)
def test_of_a_url_that_can_not_be_read_no_more_than_its_scheme_is_shown(url: str) -> None:
    with pytest.raises(InputError, match=r"is not a database URL|not an option of an SQLite database") as refusal:
        read_url(url)
    assert SECRET not in str(refusal.value)
    assert "127.0.0.1" not in str(refusal.value)


@pytest.mark.filterwarnings("ignore:.*is not stored")
@pytest.mark.parametrize("url", READ + REFUSED)
def test_a_database_that_can_not_be_opened_is_named_without_what_may_be_secret(
    url: str, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refusal:
        open_storage(url)
    assert SECRET not in str(refusal.value)


@given(
    st.text(alphabet="ab1:/@?#=&;%[] ", max_size=40),
    st.sampled_from(["postgresql://", "postgresql:", "sqlite:///", ""]),
)
def test_a_url_of_any_characters_is_read_or_refused(rest: str, scheme: str) -> None:
    try:
        read = read_url(scheme + rest)
    except InputError:
        return
    assert read_url(read.full).full == read.full
    assert read_url(read.shown).shown == read.shown


def test_what_is_left_out_is_named() -> None:
    url = f"postgresql+psycopg://me@{PORT}/nas?sslmode=require&options=-csearch_path%3Dnas"
    with pytest.warns(UserWarning, match="'options' of the --storage URL may be secret and is not stored"):
        assert without_secrets(url) == f"postgresql+psycopg://me@{PORT}/nas?sslmode=require"


def test_a_folder_with_characters_that_mean_something_in_a_url_holds_its_study(tmp_path: Path) -> None:
    for number, name in enumerate(["why?1", "why?2", "50% off", "a#b", "{SCHEMA_VERSION}", "a@b:c", "ä é"]):
        (tmp_path / name).mkdir()
        open_storage(embedded_url(tmp_path / name))
        assert (tmp_path / name / "study.db").is_file()
        assert len(list(tmp_path.iterdir())) == number + 1


def test_a_question_mark_in_the_path_of_a_given_file_belongs_to_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "why?1").mkdir()
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///why?1/x.db", "sqlite:///why%3F1/y.db?timeout=9"):
        open_storage(url)
    assert {path.name for path in (tmp_path / "why?1").glob("*.db")} == {"x.db", "y.db"}
    assert [path.name for path in tmp_path.iterdir()] == ["why?1"]


def test_a_file_in_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"there is no folder {tmp_path / 'no'}.")):
        open_storage(f"sqlite:///{tmp_path}/no/study.db")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_study_in_memory_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="needs an SQLite database in a file"):
        open_storage(url)


def test_a_run_remembers_where_its_database_lies_and_its_settings_are_for_its_owner_alone(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "what?").mkdir()
    monkeypatch.chdir(tmp_path)
    run, _ = begin(storage="sqlite:///what?/team.db")
    with sqlite3.connect(tmp_path / "what?" / "team.db") as database:
        assert database.execute("SELECT study_name FROM studies").fetchall() == [("first",)]
    monkeypatch.chdir("/")
    assert open_run(str(run.folder)).study.study_name == "first"
    assert (run.folder / "search.yaml").stat().st_mode & 0o777 == 0o600
