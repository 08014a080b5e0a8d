"""Every file of a folder is an image, or left out with the reason, or none of the user's."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nas.data.folder import RESULTS, LeftOut, image_files, phrases
from nas.data.images import write_image
from nas.data.layout import list_images, list_parts
from nas.errors import InputError
from nas.model import RESULTS as WRITTEN_TO

PIXELS = np.zeros((4, 4), np.uint8)


def _make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if Path(name).suffix in (".png", ".bmp"):
            write_image(folder / name, PIXELS)
        else:
            (folder / name).write_bytes(b"what it is")
    return folder


def _images(folder: Path) -> list[str]:
    files = image_files(folder)
    return [files.name(path) for path in files.images]


def test_hidden_files_and_those_of_systems_are_not_mentioned(tmp_path: Path) -> None:
    hidden = ("._a.png", ".thumbnails/a.png", "__MACOSX/a.png", "b/@eaDir/a.png", ".DS_Store", "Thumbs.db", "x/.y.seq")
    _make(tmp_path, "a.png", "b/c.png", *hidden)
    files = image_files(tmp_path)
    assert (_images(tmp_path), files.left_out, files.others) == (["a.png", "b/c.png"], (), 0)


@pytest.mark.parametrize("suffix", [".seq", ".ptw", ".fff", ".heic", ".webp", ".dng", ".fits", ".mat", ".npz", ".bin"])
def test_other_formats_are_left_out_by_their_ending(tmp_path: Path, suffix: str) -> None:
    _make(tmp_path, "a.png", f"b/c{suffix.upper()}")
    assert image_files(tmp_path).left_out == (LeftOut(f"b/c{suffix.upper()}", f"{suffix} files are not read"),)


def test_texts_and_tables_are_counted(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "SOURCES.md", "MANIFEST.csv", "images.yaml", "LICENSE")
    files = image_files(tmp_path)
    assert (files.left_out, files.others) == ((), 4)


def test_what_is_no_regular_file_is_left_out_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(_make(tmp_path, "a.png") / "b.png")
    assert image_files(tmp_path).left_out == (LeftOut("b.png", "it is not a regular file"),)


def test_what_the_product_wrote_is_no_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _make(tmp_path, "1.png", "results/first/front/front.png", "results/first/search.yaml", "results/own.png")
    _make(tmp_path, "moved/search.yaml", "moved/front/front.png", "moved/artifacts/1.png")
    _make(tmp_path, "out/architecture.yaml", "out/weights.safetensors", "out/before_after.png")
    for folder in (Path(), tmp_path):
        files = image_files(folder)
        assert _images(folder) == ["1.png"]
        assert files.left_out == (
            LeftOut("moved", "pictures of a run, no input", 2),
            LeftOut("out", "pictures of a model, no input", 1),
            LeftOut("results", "what commands wrote, no input", 2),
        )
    assert RESULTS == WRITTEN_TO


def test_what_the_user_names_is_input_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _make(tmp_path, "results/first/search.yaml", "results/first/front/front.png", "results/mine/a.png")
    assert _images(Path("results/mine")) == ["a.png"]
    assert _images(Path("results/first/front")) == ["front.png"]
    assert _images(Path("results")) == ["mine/a.png"]


def test_a_folder_called_results_elsewhere_is_a_users(tmp_path: Path) -> None:
    assert _images(_make(tmp_path, "results/a.png")) == ["results/a.png"]


def test_a_folder_without_images_says_what_is_in_it(tmp_path: Path) -> None:
    _make(tmp_path, "a.seq", "b.seq", "c.seq", "d.webp")
    with pytest.raises(InputError) as refusal:
        list_images(tmp_path, 2, "bicubic")
    assert "holds no image (" in str(refusal.value)
    assert str(refusal.value).endswith(
        "Left out are 3 files (a.seq, b.seq, …): .seq files are not read; 1 file (d.webp): .webp files are not read."
    )


def test_images_beside_the_parts_and_those_for_testing_are_left_out(tmp_path: Path) -> None:
    _make(tmp_path, "train/a.png", "val/b.png", "test/c.png", "extra/d.png", "e.mp4")
    train, validation = list_parts(tmp_path, 2, "bicubic")
    assert train.left_out == (
        LeftOut("e.mp4", ".mp4 files are not read"),
        LeftOut("extra/d.png", "images beside those of training and validation"),
        LeftOut("test/c.png", "images for testing, kept for 'nas evaluate'"),
    )
    assert validation.left_out == ()


def test_each_frame_of_a_file_is_an_image_and_all_of_a_file_go_into_one_part(tmp_path: Path) -> None:
    for name in ("a.tif", "b.tif", "c.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((5, 8, 8), np.uint16), photometric="minisblack")
    train, validation = list_parts(tmp_path, 2, "bicubic")
    (held_out,) = {source.hr.path for source in validation.sources}
    assert [source.name for source in validation.sources] == [f"{held_out.name}#{n}" for n in range(1, 6)]
    assert len(train.sources) == 10 and all(source.hr.path != held_out for source in train.sources)


def test_one_file_of_many_frames_cannot_be_split(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 8, 8), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match="holds one usable file; at least two are needed"):
        list_parts(tmp_path, 2, "bicubic")


def test_frames_of_lr_files_belong_to_those_of_hr_files(tmp_path: Path) -> None:
    (tmp_path / "HR").mkdir()
    (tmp_path / "LR").mkdir()
    tifffile.imwrite(tmp_path / "HR" / "a.tif", np.zeros((3, 8, 8), np.uint16), photometric="minisblack")
    tifffile.imwrite(tmp_path / "LR" / "a.tif", np.zeros((2, 4, 4), np.uint16), photometric="minisblack")
    listing = list_images(tmp_path, 2, "bicubic")
    assert [(s.name, s.lr and s.lr.label) for s in listing.sources] == [("a.tif#1", "a.tif#1"), ("a.tif#2", "a.tif#2")]
    assert listing.unpaired == (("HR/a.tif#3", "has no LR image in LR"),)


def test_arrays_without_a_stated_shape_or_scale_are_left_out_until_it_is_stated(tmp_path: Path) -> None:
    _make(tmp_path, "a.png")
    np.full((6, 8), 300.0, np.float32).tofile(tmp_path / "b.raw")
    np.save(tmp_path / "c.npy", np.full((6, 8), 300.0, np.float32))
    listing = list_images(tmp_path, 2, "bicubic")
    assert [source.name for source in listing.sources] == ["a.png"]
    assert [entry.name for entry in listing.left_out] == ["b.raw", "c.npy"]
    (tmp_path / "images.yaml").write_text("counts: {scale: 0.01}\nraw: {width: 8, height: 6, type: float32}\n")
    listing = list_images(tmp_path, 2, "bicubic")
    assert [source.name for source in listing.sources] == ["a.png", "b.raw", "c.npy"]
    assert listing.left_out == ()


def test_names_that_are_no_utf8_are_listed(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "b.png", "c.seq")
    for name, other in (("a.png", b"K\xe4lte.png"), ("c.seq", b"\xff.seq")):
        (tmp_path / name).rename(tmp_path / os.fsdecode(other))
    train, validation = list_parts(tmp_path, 2, "bicubic")
    names = sorted(os.fsencode(source.name) for source in (*train.sources, *validation.sources))
    assert names == [b"K\xe4lte.png", b"b.png"]
    assert [os.fsencode(phrase) for phrase in phrases(train.left_out)] == [
        b"1 file (\xff.seq): .seq files are not read"
    ]
