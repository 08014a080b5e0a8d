"""A run is what it was when it began, wherever its folder lies and whatever that is called now."""

import shutil
import warnings
from pathlib import Path

import pytest
import yaml
from searches import Begin, work

from nas.errors import InputError
from nas.search.run import Run, open_run, open_run_data
from nas.search.schedule.ending import Ending
from nas.search.settings import read_settings
from nas.search.workers.join import join


def database(folder: Path) -> str:
    return f"sqlite:///{folder / 'team.db'}"


def labels(run: Run) -> list[str]:
    return [candidate.label for candidate in run.candidates() if not candidate.published]


def test_folder_and_study_have_the_same_id_and_every_run_another(begin: Begin) -> None:
    first, second = begin()[0], begin(run="second")[0]
    for run in (first, second):
        assert read_settings(run.folder).run_id == run.study.user_attrs["run_id"] == run.settings.run_id
    assert len({"", first.settings.run_id, second.settings.run_id}) == 3


@pytest.mark.parametrize("lies_apart", [False, True])
def test_a_renamed_run_goes_on_and_its_networks_are_called_after_it(
    begin: Begin, tmp_path: Path, lies_apart: bool
) -> None:
    storage = database(tmp_path) if lies_apart else None
    run, data = begin(storage=storage)
    work(run, data)
    assert labels(run) == ["first:2", "first:3"]
    run.folder.rename(run.folder.with_name("second"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        again, data = begin(run="second", trials=4, budgets=None, space=None, recipe=None, rungs=None, sampler=None)
    assert work(again, data)[0] == Ending.DONE
    assert labels(again) == ["second:2", "second:3", "second:4"]
    assert again.study.study_name == "first"
    assert again.architecture(2) == open_run(str(again.folder)).architecture(2)
    said = [str(warning.message) for warning in told if "was" in str(warning.message)]
    assert len(said) == lies_apart
    assert all("a copy of the folder elsewhere continues the same study, 'first'" in line for line in said)


def test_a_copy_with_a_study_of_its_own_goes_on_by_itself(begin: Begin) -> None:
    run, data = begin(trials=1)
    work(run, data)
    shutil.copytree(run.folder, run.folder.with_name("copy"))
    copy, data = begin(run="copy", trials=2)
    work(copy, data)
    assert (len(run.candidates()), len(copy.candidates())) == (1, 2)


def test_a_copy_does_not_go_on_with_the_study_of_the_original(begin: Begin, tmp_path: Path) -> None:
    run, _ = begin(storage=database(tmp_path))
    copy = run.folder.with_name("copy")
    shutil.copytree(run.folder, copy)
    for go_on in (lambda: begin(run="copy"), lambda: join(str(copy), None, None)):
        with pytest.raises(InputError, match=f"copy is a copy of {run.folder}, and both use the same study"):
            go_on()
    assert open_run(str(copy)).candidates() == []  # may be looked at
    begin(storage=database(tmp_path))


def test_two_folders_that_began_the_same_search_on_one_storage_go_on(begin: Begin, tmp_path: Path) -> None:
    for _ in range(2):
        runs = [begin(results=f"{place}/results", storage=database(tmp_path))[0] for place in ("here", "there")]
    assert len({run.settings.run_id for run in runs}) == 1


def test_a_worker_leaves_the_run_of_another_study_alone(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, data = begin(results="here/results")
    work(mine, data)
    begin(results="there/results", storage=database(tmp_path))
    before = {path: path.read_bytes() for path in mine.folder.rglob("*") if path.suffix in (".yaml", ".safetensors")}
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="results/first is a run of another study than 'first' in that storage; start"):
        join(None, database(tmp_path), "first")
    assert {path: path.read_bytes() for path in before} == before

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for _ in range(2):  # and again
        joined = join(None, database(tmp_path), "first")
    assert joined.settings.run_id == read_settings(Path("results/first")).run_id != mine.settings.run_id


def test_a_study_that_was_put_in_the_place_of_another_is_refused(begin: Begin) -> None:
    first, second = begin()[0], begin(results="there")[0]
    for file in first.folder.glob("study.db*"):
        file.unlink()
    for file in second.folder.glob("study.db*"):
        shutil.copy(file, first.folder)
    with pytest.raises(
        InputError, match="The study 'first' in that storage belongs to another run with the name 'first'"
    ):
        open_run(str(first.folder))


def test_a_study_of_a_forged_name_makes_no_folder_of_ours_a_run(begin: Begin) -> None:
    file = begin()[0].folder / "search.yaml"
    for name in ("cache", "../x"):
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"study": name}))
        with pytest.raises(InputError, match=r"search\.yaml: 'study'"):
            read_settings(file.parent)


def test_where_the_images_lie_now_is_asked_for(begin: Begin, tiny_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_data.parent)
    run, _ = begin(data=tiny_data.name)
    monkeypatch.chdir("/")  # a folder that was given relative to another is found all the same
    open_run_data(open_run(str(run.folder)))
    moved = tiny_data.rename(tiny_data.with_name("moved"))
    with pytest.raises(InputError, match=f"The images of the run 'first' are no longer in {tiny_data}; give .* --data"):
        open_run_data(open_run(str(run.folder)))
    with pytest.raises(InputError, match="give their folder with --data"):
        begin(data=None)
    open_run_data(open_run(str(run.folder)), str(moved))


def test_a_project_that_was_moved_with_its_images_continues(begin: Begin, tiny_data: Path, tmp_path: Path) -> None:
    (project := tmp_path / "project").mkdir()
    images = tiny_data.rename(project / "night")
    begin(results="project/results", data=str(images))
    moved = project.rename(tmp_path / "moved")
    open_run_data(open_run("first", results=moved / "results"))
    run, _ = begin(results="moved/results", data=None)
    assert run.settings.data == str(moved / "night")
    moved.rename(project)
    run, _ = begin(results="project/results", data=None)
    assert run.settings.data == str(images)
