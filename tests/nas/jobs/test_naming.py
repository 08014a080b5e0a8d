"""Architecture names: what each form stands for, and the errors of names that stand for nothing."""

from pathlib import Path

import pytest

from nas.errors import InputError
from nas.jobs.locating import locate
from nas.jobs.naming import NamedArchitecture, resolve
from nas.model import ARCHITECTURE
from search_spaces import SPACES, Architecture, UnknownNameError


def smallest() -> Architecture:
    return Architecture("espcn", 2, 1, SPACES.get("espcn").smallest)


def test_a_published_point_has_the_scale_of_its_figures_unless_another_is_given() -> None:
    point = SPACES.get("espcn").published["ESPCN"]
    assert resolve("espcn/ESPCN").architecture.scale == point.scale
    assert resolve("espcn/ESPCN", 2).architecture.scale == 2
    assert resolve("espcn/ESPCN").published == point


def test_a_file_is_the_architecture_in_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(smallest().to_yaml())
    named = resolve(str(file))
    assert (named.architecture, named.published, named.label) == (smallest(), None, str(file))


@pytest.mark.parametrize(
    ("name", "message"),
    [("first:x", "'first:x' is not a trial"), ("nothing", "no architecture 'nothing'"), ("first:1", "no run 'first'")],
)
def test_a_name_of_nothing_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve(name, results=tmp_path)


def test_an_unknown_point_is_an_error() -> None:
    with pytest.raises(UnknownNameError):
        resolve("espcn/ESPCNN")


@pytest.mark.parametrize(("label", "folder"), [("falsr/FALSR-B", "falsr-FALSR-B"), ("first:7", "first-7")])
def test_the_name_of_a_folder_has_no_separators(label: str, folder: str) -> None:
    assert NamedArchitecture(label, smallest()).folder_name == folder


def test_the_folder_of_a_file_is_named_after_it(tmp_path: Path) -> None:
    for file, name in {tmp_path / "mine.yaml": "mine", tmp_path / "camera" / ARCHITECTURE: "camera"}.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(smallest().to_yaml())
        assert NamedArchitecture(str(file), smallest()).folder_name == name


def test_a_point_is_located_only_once_it_is_trained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"espcn/ESPCN is not trained: .*; run nas train espcn/ESPCN first"):
        locate("espcn/ESPCN", results=tmp_path)


def test_a_path_is_located_as_it_is(tmp_path: Path) -> None:
    assert locate(str(tmp_path / "a.pth"), results=tmp_path) == tmp_path / "a.pth"
