import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import Begin

from nas.errors import InputError
from nas.search.names import LONGEST, RUN_NAME, as_name, check_run_name, is_taken


@pytest.mark.parametrize(
    ("folder", "called"),
    [
        ("my images", "dots-x2-300M-MACs-my-images"),
        ("Kühlraum (März)", "dots-x2-300M-MACs-Kühlraum-März"),
        ("50% [a]?", "dots-x2-300M-MACs-50-a"),
        ("tiny", "dots-x2-300M-MACs-tiny"),
    ],
)
def test_a_run_without_a_name_is_called_after_its_images_whatever_their_folder_is_called(
    begin: Begin, tiny_data: Path, tmp_path: Path, folder: str, called: str
) -> None:
    if folder != tiny_data.name:
        shutil.copytree(tiny_data, tmp_path / folder)
    run, _ = begin(run=None, data=str(tmp_path / folder))
    assert (run.folder.name, run.settings.run, run.study.study_name) == (called, called, called)


@given(st.text())
def test_every_text_becomes_a_name_that_a_run_may_have(text: str) -> None:
    check_run_name(as_name(text))


def test_long_names_that_differ_remain_different() -> None:
    long = "d" * 240
    assert len(as_name(long)) == LONGEST
    assert as_name(long + "a") != as_name(long + "b")


@pytest.mark.parametrize(
    "name", ["cache", "Cache", "trained", "ranks", "reference", "benchmark-few", "BENCHMARK-few", "replay-table"]
)
def test_a_run_may_not_have_the_name_of_one_of_our_own_folders(begin: Begin, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=rf"'{name}' can't name a run, since results/{name} has another use"):
        begin(run=name)
    assert not (tmp_path / "results").exists()
    assert not is_taken(as_name(name))


@pytest.mark.parametrize("name", ["a/b", "two words", "..", ".a", "a\n", "x" * 101, ""])
def test_a_name_that_is_no_name_says_how_to_give_one(name: str) -> None:
    with pytest.raises(InputError, match=re.escape("can't name a run; give --run a name of up to 100 letters, digits")):
        check_run_name(name)
    assert re.fullmatch(RUN_NAME, as_name(name))
