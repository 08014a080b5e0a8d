"""`nas upscale` with several sources, patterns, standard input and output, and its speed."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from command import run_nas

from nas.data.images import read_image, write_image
from nas.data.synthetic import scene
from nas.model import Model


@pytest.fixture
def here(tmp_path: Path, make_model: Callable[..., Model]) -> Path:
    make_model("espcn/ESPCN", image_skip=True).save(tmp_path / "model")
    for number, name in enumerate(("night/a.png", "night/b.tif", "day/a.png", "night/deep/c.png")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, scene(number, 40, 36))
    (tmp_path / "night" / "notes.txt").write_text("no image")
    (tmp_path / "night" / ".hidden.png").write_bytes(b"")
    return tmp_path


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# Patterns and several sources


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["night/*.png"], ["a.png"]),
        (["night/*"], ["a.png", "b.tif", "deep/c.png", "notes.txt"]),
        (["night/a.png", "night/b.tif"], ["a.png", "b.tif"]),
        (["*/a.png"], ["day/a.png", "night/a.png"]),
        (["day/a.png", "night/a.png"], ["day/a.png", "night/a.png"]),
        (["night/**/*.png"], ["a.png", "c.png"]),
        (["day", "night"], ["day/a.png", "night/a.png", "night/b.tif", "night/deep/c.png"]),
        (["night/?.[tp]*"], ["a.png", "b.tif"]),
    ],
)
def test_several_sources_go_into_a_folder(here: Path, sources: list[str], names: list[str]) -> None:
    if sources == ["night/*"]:  # the folder `deep` keeps only the names below it, and the text is no image
        names = ["a.png", "b.tif", "c.png"]
    ended = run_nas(here, "upscale", "model", *sources, "out")
    assert ended.code == 0, ended.errors
    assert written(here / "out") == names
    assert all(read_image(here / "out" / name).shape == (80, 72) for name in names)
    assert ("notes.txt" in ended.errors) == (sources == ["night/*"])


def test_a_file_goes_into_a_folder_that_exists(here: Path) -> None:
    (here / "out").mkdir()
    assert run_nas(here, "upscale", "model", "night/a.png", "out").out.startswith("Wrote out/a.png\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["night/*.bmp", "out"], "No file matches 'night/*.bmp'."),
        (["night/a.png", "none.png", "out"], "There is no file or folder 'none.png'."),
        (
            ["night/*.png", "out.png"],
            "out.png names a file, but a pattern or several sources need a folder to write to.",
        ),
        (
            ["night/a.png", "night/b.tif", "day/a.png"],
            "day/a.png is a file, but there are several sources; name a folder ",
        ),
        (
            ["night/*.png", "night", "--overwrite"],
            "night/a.png is itself to be upscaled; name another folder to write to.",
        ),
        (["night/*.png", "night"], "night/a.png exists; give --overwrite to replace it."),
        (["night/*.txt", "out"], "Among the sources is no image "),
        (
            ["day", "night", "night/out"],
            "The target night/out lies within the source night; name a folder outside of it.",
        ),
        (["night/a.png", "-", "out"], "Standard input or output ('-') takes one image;"),
        (["night/a.png", "a.png", "--format", "png"], "--format is for standard output ('-'); the name a.png says"),
        (["night/a.png", "-", "--format", "bmp"], "--format is png or tif, not 'bmp'."),
        (["night", "-"], "night is a folder, but standard output takes one image;"),
    ],
)
def test_what_cannot_be_is_one_sentence_before_anything_is_written(here: Path, words: list[str], sentence: str) -> None:
    before = written(here)
    ended = run_nas(here, "upscale", "model", *words)
    lines = ended.errors.splitlines()
    assert (ended.code, lines[-1].startswith(f"Error: {sentence}")) == (2, True), ended.errors
    assert written(here) == before


# The speed


def test_the_speed_is_said_at_the_end(here: Path) -> None:
    line = run_nas(here, "upscale", "model", "night/a.png", "day/a.png", "out").out.splitlines()[-1]
    assert line.startswith("Upscaled 2 images in ")
    assert all(unit in line for unit in (" images/s, ", " MP/s of upscaled pixels, median ", " ms an image."))


def test_files_and_speed_as_json(here: Path) -> None:
    data = json.loads(run_nas(here, "upscale", "model", "night/a.png", "o.png", "--json").out)
    assert data["files"] == ["o.png"]
    assert data["images"] == 1
    assert data["megapixels"] == pytest.approx(80 * 72 / 1e6)
    assert data["images_per_second"] == pytest.approx(1 / data["seconds"])
    assert data["megapixels_per_second"] == pytest.approx(data["megapixels"] / data["seconds"])
    assert 0 < data["median_ms"] <= 1000 * data["seconds"]


# Standard input and output


def piped(here: Path, *words: str, given: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own, with pipes, as a shell does."""
    command = [sys.executable, "-m", "nas", "upscale", "model", *words]
    return subprocess.run(command, cwd=here, input=given, capture_output=True, timeout=120, check=False)


def test_an_image_goes_through_pipes(here: Path) -> None:
    done = piped(here, "-", "-", given=(here / "night" / "a.png").read_bytes())
    assert done.returncode == 0, done.stderr
    run_nas(here, "upscale", "model", "night/a.png", "o.png")
    assert done.stdout == (here / "o.png").read_bytes()
    assert done.stderr.startswith(b"Upscaled 1 image in ")


class Pipe(io.TextIOWrapper):
    """Standard input or output of a process as a test gives it."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


def upscale_piped(monkeypatch: pytest.MonkeyPatch, here: Path, given: bytes, *words: str) -> bytes:
    """Run the command in this process with standard input and output, and return the output."""
    from nas.cli import main

    out = Pipe()
    monkeypatch.setattr(sys, "stdin", Pipe(given))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["nas", "upscale", "model", *words])
    monkeypatch.chdir(here)
    try:
        main()
    finally:
        monkeypatch.undo()
    out.flush()
    return out.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "words", "start"),
    [
        ("a.tif", (), b"II*\0"),
        ("a.tif", ("--format", "png"), b"\x89PNG"),
        ("a.png", ("--format", "tif"), b"II*\0"),
        ("a.jpg", (), b"\xff\xd8"),
        ("a.npy", (), b"\x93NUMPY"),
    ],
)
def test_the_output_has_the_format_of_the_input_or_the_chosen_one(
    monkeypatch: pytest.MonkeyPatch, here: Path, name: str, words: tuple[str, ...], start: bytes
) -> None:
    write_image(here / name, scene(0, 40, 36))
    found = upscale_piped(monkeypatch, here, (here / name).read_bytes(), "-", "-", *words)
    assert found.startswith(start)
    ending = {b"II*\0": ".tif", b"\x89PNG": ".png", b"\xff\xd8": ".jpg"}.get(start, ".npy")
    (here / f"found{ending}").write_bytes(found)
    assert read_image(here / f"found{ending}").shape == (80, 72)


def test_only_one_side_may_be_a_pipe(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    stack = np.stack([scene(number, 40, 36) for number in range(3)])
    tifffile.imwrite(here / "s.tif", stack, photometric="minisblack")
    assert upscale_piped(monkeypatch, here, (here / "s.tif").read_bytes(), "-", "o.tif").startswith(b"Wrote o.tif\n")
    assert tifffile.imread(here / "o.tif").shape == (3, 80, 72)
    found = upscale_piped(monkeypatch, here, b"", "night/a.png", "-")
    assert cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_UNCHANGED).shape == (80, 72)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "Standard input is empty; an image was expected."),
        (b"GIF89a.....", "Standard input is no image; PNG, TIFF, JPEG, BMP and .npy are read."),
        (b"\x89PNG\r\n\x1a\n cut", "standard input is truncated, damaged or not an image."),
    ],
)
def test_damaged_input_is_one_sentence_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: Path, given: bytes, sentence: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        upscale_piped(monkeypatch, here, given, "-", "-")
    assert capsys.readouterr().err == f"Error: {sentence}\n"


def test_no_image_is_written_to_a_terminal(here: Path) -> None:
    parent, child = os.openpty()
    try:
        command = [sys.executable, "-m", "nas", "upscale", "model", "night/a.png", "-"]
        done = subprocess.run(command, cwd=here, stdout=child, stderr=subprocess.PIPE, timeout=120, check=False)
    finally:
        os.close(parent)
        os.close(child)
    assert (done.returncode, done.stderr.decode().startswith("Error: Standard output is a terminal; ")) == (2, True)
