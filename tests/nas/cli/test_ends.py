"""How commands end that somebody stops, whose output nobody reads, or that print where little can be shown."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from .conftest import Way, run_nas

NAS = [sys.executable, "-m", "nas"]


def begin(folder: Path, *words: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*NAS, *map(str, words)],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_when(process: subprocess.Popen[str], is_time: Callable[[], bool], number: signal.Signals) -> tuple[int, str]:
    """Send a signal when it is time for it; return the exit code and what was said."""
    deadline = time.monotonic() + 300
    while not is_time():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


@pytest.mark.parametrize(
    ("number", "code", "by"),
    [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 1, "SIGTERM"), (signal.SIGHUP, 1, "SIGHUP")],
)
def test_a_stop_while_pytorch_is_being_loaded(tmp_path: Path, number: signal.Signals, code: int, by: str) -> None:
    process = begin(tmp_path, "cost", "ecbsr/M4C8")
    maps = Path(f"/proc/{process.pid}/maps")
    ended = stop_when(process, lambda: "libtorch" in maps.read_text(), number)
    assert ended == (code, f"Error: Stopped by {by}.\n")


def test_ctrl_c_while_a_large_image_is_upscaled(way: Way, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((1200, 1200), np.uint8))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        ended = run_nas(tmp_path, "upscale", way.folder / "exported", "large.png", "larger.png", "--tile", 1)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (ended.code, ended.error) == (130, "Stopped by Ctrl-C.")
    assert not (tmp_path / "larger.png").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_training_that_is_stopped_is_saved_and_goes_on(
    way: Way, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    words = ("train", "ecbsr/M4C8", "--recipe", way.folder / "tiny.yaml", "--data", way.folder / "night")
    log = tmp_path / "results" / "trained" / "ecbsr-M4C8" / "log.csv"
    ended, errors = stop_when(
        begin(tmp_path, *words, "--steps", 1_000_000), lambda: log.is_file() and log.stat().st_size > 100, number
    )
    assert ended == code and "Traceback" not in errors
    assert errors.splitlines()[-1].startswith("Error: ") and "the same command" in errors
    assert (log.parent / "checkpoint.safetensors").is_file()


def test_a_reader_that_has_read_enough(way: Way) -> None:
    for words in (("spaces",), ("front", "first", "--json")):
        process = begin(way.folder, *words)
        assert process.stdout and process.stderr
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(timeout=300)
        assert "Traceback" not in errors and "Exception ignored" not in errors and "Error" not in errors


def test_a_full_disk_under_the_output_is_one_sentence(way: Way) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*NAS, "spaces"], cwd=way.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr == "Error: A file can't be used: No space left on device.\n"


@pytest.mark.parametrize("words", [("search", "--run", "first"), ("front", "first"), ("front", "first", "--json")])
def test_a_log_in_ascii_is_no_failure(way: Way, words: tuple[str, ...]) -> None:
    process = begin(way.folder, *words, PYTHONIOENCODING="ascii")
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert (out + errors).isascii() and "Traceback" not in errors
    if words[0] == "search":
        assert "Next: nas front first - nas train first - nas dashboard first" in out


def test_nothing_is_written_into_the_users_home(way: Way, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    unset = {key: value for key, value in os.environ.items() if key not in ("MPLCONFIGDIR", "XDG_CONFIG_HOME")}
    for folder, words in ((way.folder, ["front", "first"]), (way.folder / "night", ["data", "preview", "."])):
        more = ["--degradation", "noise", "--to", str(way.folder / "preview.png")] if words[0] == "data" else []
        ended = subprocess.run([*NAS, *words, *more], cwd=folder, env={**unset, **environment}, check=False)
        assert ended.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert not (way.folder / "night" / "results").exists()


def test_paths_are_printed_as_they_are(way: Way, tmp_path: Path) -> None:
    (tmp_path / "x[").mkdir()
    source = next((way.folder / "night" / "val").iterdir())
    for name in ("gate[left].png", "x[/b].png"):
        assert run_nas(tmp_path, "upscale", way.folder / "exported", source, name).out.startswith(f"Wrote {name}\n")
    (tmp_path / "net[b]").symlink_to(way.folder / "exported", target_is_directory=True)
    shown = run_nas(tmp_path, "evaluate", "net[b]", "--data", source.parent)
    assert "net[b]" in shown.out


def test_a_command_to_go_on_with_can_be_pasted(way: Way) -> None:
    shown = way.nas("export", way.trained[0], "--to", "my nets/a b").out
    assert (
        "Train it again: nas train 'my nets/a b/architecture.yaml' --recipe 'my nets/a b/retrain.yaml' --data DIR"
        in shown
    )


def test_what_cannot_be_written_is_said_before_the_work(way: Way, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    data = way.folder / "night"
    for words, reason in (
        (("evaluate", "bicubic", "--data", data, "--csv", "folder"), "--csv folder can't be written: it is a folder."),
        (("evaluate", "bicubic", "--data", data, "--csv", "file/a.csv"), "--csv file/a.csv can't be written: "),
        (("evaluate", "bicubic", "--data", data, "--pictures", "file"), "--pictures file can't be written: "),
        (("benchmark", "build", "--to", "file/a.json", "--data", data), "--to file/a.json can't be written: "),
    ):
        ended = run_nas(tmp_path, *words)
        assert (ended.code, ended.error[: len(reason)]) == (2, reason)
    assert not (tmp_path / "results").exists()


def test_a_name_that_is_not_utf8_is_printed_and_is_in_the_json(way: Way, tmp_path: Path) -> None:
    name = os.fsdecode(b"K\xe4lte.yaml")
    (tmp_path / name).write_text((way.folder / "exported" / "architecture.yaml").read_text())
    assert list(json.loads(run_nas(tmp_path, "cost", name, "--json").out)) == [name]
    assert "K\\xe4lte" in run_nas(tmp_path, "cost", name).out
    assert "K\\xe4lte.yml" in run_nas(tmp_path, "cost", os.fsdecode(b"K\xe4lte.yml")).error


def test_pictures_are_drawn_of_any_name(way: Way, tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"K\xe4lte $x_{$ [b]")
    shutil.copytree(way.folder / "exported", name)
    images = tmp_path / os.fsdecode(b"\xe4")
    images.mkdir()
    for image in (way.folder / "night" / "val").iterdir():
        shutil.copy(image, images / os.fsdecode(b"\xff$y^{$" + image.name.encode()))
    shown = run_nas(tmp_path, "evaluate", name, "--data", images, "--pictures", "crops", "--csv", "rows.csv")
    assert shown.code == 0, shown.errors
    assert len(list((tmp_path / "crops").iterdir())) == 1
    assert b"K\xe4lte $x_{$ [b]" in (tmp_path / "rows.csv").read_bytes()
    drawn = run_nas(tmp_path, "data", "preview", images, "--degradation", "noise", "--to", "preview.png")
    assert drawn.code == 0, drawn.errors
