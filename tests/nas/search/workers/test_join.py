"""How a worker finds its search: by a run of this machine, or by a study that machines share."""

from pathlib import Path

import pytest
from searches import Begin

from nas.errors import InputError
from nas.search.settings import read_settings
from nas.search.workers.join import join


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'team.db'}"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of another machine."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_run_of_this_machine_is_joined_by_its_folder(begin: Begin) -> None:
    run, _ = begin()
    assert join(str(run.folder), None, None).settings == run.settings


def test_a_shared_study_gets_a_folder_on_this_machine(begin: Begin, url: str, elsewhere: Path) -> None:
    run, _ = begin(storage=url)
    joined = join(None, url, "first")
    assert joined.folder.resolve() == elsewhere / "results" / "first"
    assert joined.settings.run_id == run.settings.run_id == read_settings(joined.folder).run_id
    assert join(None, url, "first").folder == joined.folder


def test_the_folder_of_another_study_is_not_used(begin: Begin, url: str, elsewhere: Path) -> None:
    begin(storage=url)
    begin(results="elsewhere/results")
    with pytest.raises(InputError, match="is a run of another study than 'first'"):
        join(None, url, "first")


@pytest.mark.parametrize("given", [(None, None), ("sqlite:///a.db", None), (None, "first")])
def test_half_of_an_address_is_refused(given: tuple[str | None, str | None]) -> None:
    with pytest.raises(InputError, match="Name a run, or give both --storage and --study"):
        join(None, *given)


def test_a_study_that_is_not_there_is_an_error(begin: Begin, url: str) -> None:
    begin(storage=url)
    with pytest.raises(InputError, match="The storage holds no study 'second'"):
        join(None, url, "second")
