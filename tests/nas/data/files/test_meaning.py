"""The meaning of values and headerless files, from `images.yaml` and from the command line."""

from pathlib import Path

import numpy as np
import pytest

from nas.data.files.meaning import MEANING_FILE, NO_MEANING, Counts, Meaning, RawShape, meaning_for
from nas.errors import InputError


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MEANING_FILE).write_text(text)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("0.01", Counts(scale=0.01)),
        ("0.01,-50", Counts(scale=0.01, offset=-50)),
        (" 1e-2 , 273.15 ", Counts(scale=0.01, offset=273.15)),
    ],
)
def test_a_scale_is_read_and_written_back(text: str, counts: Counts) -> None:
    assert Counts.parse(text) == counts
    assert Counts.parse(str(counts)) == counts


@pytest.mark.parametrize("text", ["", "kelvin", "0", "-1", "nan", "inf", "1,2,3", "1,nan", "0.01;0"])
def test_a_wrong_scale_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"--counts 0\.01,0"):
        Counts.parse(text)


def test_a_shape_knows_the_type_and_the_length_of_a_frame() -> None:
    shape = RawShape(width=6, height=5, type="uint16", byte_order="big")
    assert shape.dtype == np.dtype(">u2")
    assert shape.frame_bytes == 60
    assert RawShape(width=6, height=5, type="float32").dtype == np.dtype("<f4")


def test_each_field_comes_from_the_nearest_file(tmp_path: Path) -> None:
    write(tmp_path, "counts: {scale: 1}\nraw: {width: 6, height: 5, type: uint16}\n")
    write(tmp_path / "a", "counts: {scale: 2}\n")
    shape = RawShape(width=6, height=5, type="uint16")
    assert meaning_for(tmp_path / "a" / "b" / "x.raw", tmp_path) == Meaning(Counts(scale=2), shape)
    assert meaning_for(tmp_path / "c" / "x.raw", tmp_path) == Meaning(Counts(scale=1), shape)
    assert meaning_for(tmp_path / "a" / "x.raw", tmp_path, Counts(scale=3)) == Meaning(Counts(scale=3), shape)


def test_files_above_the_named_folder_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "counts: {scale: 1}\n")
    assert meaning_for(tmp_path / "a" / "x.tif", tmp_path / "a") == NO_MEANING


@pytest.mark.parametrize(
    "text", ["scale: 1", "counts: {scale: -1}", "counts: 3", "raw: {width: 6}", "raw: [1, 2]", "counts: [", "- 1"]
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(InputError, match=str(tmp_path / MEANING_FILE)):
        meaning_for(tmp_path / "x.tif", tmp_path)


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    for scale in (1, 2):
        write(tmp_path, f"counts: {{scale: {scale}}}")
        assert meaning_for(tmp_path / "x.tif", tmp_path) == Meaning(Counts(scale=scale))
