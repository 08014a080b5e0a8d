"""What a training leaves behind: a row for each report, each once, whatever ends it in the middle."""

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas.data.dataset import Dataset
from nas.errors import InputError, RunError
from nas.training import trainer
from nas.training.full import train_fully
from nas.training.logs import COLUMNS, LOG, CsvLog, TensorBoardLog, to_all
from nas.training.recipe import Recipe
from nas.training.report import Report
from nas.training.trainer import TrainingStoppedError
from search_spaces import Architecture

Make = Callable[..., Recipe]


def report(step: int, began: int = 0, **changed: object) -> Report:
    figures = {
        "loss": 0.5,
        "losses": {"l1": 0.4, "fft": 0.1},
        "psnr": 30.0,
        "measured": False,
        "learning_rate": 1e-3,
        "patches_per_second": 100.0,
    }
    return Report(step=step, steps=1000, seconds=step / 10, began=began, **figures | changed)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def steps(path: Path) -> list[int]:
    return [int(row["step"]) for row in rows(path)]


def test_each_report_is_a_row(tmp_path: Path) -> None:
    log = CsvLog(tmp_path / LOG)
    log(report(20, patches_per_second=123.456))
    log(report(25, psnr=31.23456, measured=True))
    assert list(rows(tmp_path / LOG)[0]) == list(COLUMNS)
    assert list(rows(tmp_path / LOG)[0].values()) == ["20", "0.5", "0.001", "", "123.5", "2.0", "l1=0.4 fft=0.1"]
    assert rows(tmp_path / LOG)[1]["psnr"] == "31.2346"


def test_a_training_that_goes_on_drops_the_rows_after_its_checkpoint(tmp_path: Path) -> None:
    first = CsvLog(tmp_path / LOG)
    for step in (20, 40, 60):
        first(report(step))
    second = CsvLog(tmp_path / LOG)
    second(report(60, began=45, loss=0.25))
    second(report(80, began=45))
    assert steps(tmp_path / LOG) == [20, 40, 60, 80]
    assert rows(tmp_path / LOG)[2]["loss"] == "0.25"


def test_a_new_training_begins_a_new_log(tmp_path: Path) -> None:
    CsvLog(tmp_path / LOG)(report(5))
    CsvLog(tmp_path / LOG)(report(20))
    assert steps(tmp_path / LOG) == [20]


def test_a_training_that_is_only_measured_anew_repeats_no_row(tmp_path: Path) -> None:
    """As after a kill between the last row and the model directory."""
    log = CsvLog(tmp_path / LOG)
    log(report(980))
    log(report(1000, measured=True))
    CsvLog(tmp_path / LOG)(report(1000, began=1000, measured=True, patches_per_second=None))
    assert steps(tmp_path / LOG) == [980, 1000]
    assert rows(tmp_path / LOG)[1]["patches_per_second"] == ""


@given(size=st.integers(min_value=0, max_value=220), began=st.sampled_from([0, 20, 45, 60]))
def test_a_row_that_a_kill_tore_is_dropped(tmp_path_factory: pytest.TempPathFactory, size: int, began: int) -> None:
    path = tmp_path_factory.mktemp("torn") / LOG
    log = CsvLog(path)
    for step in (20, 40, 60):
        log(report(step))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(size, len(whole))])
    kept = [int(line.split(b",")[0]) for line in whole[:size].splitlines(keepends=True)[1:] if line.endswith(b"\n")]
    following = began // 20 * 20 + 20
    CsvLog(path)(report(following, began=began))
    assert steps(path) == [step for step in kept if step <= began] + [following]


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with pytest.raises(RunError, match=rf"{tmp_path / LOG} can't be written: Is a directory"):
        CsvLog(tmp_path / LOG)(report(20))


@pytest.fixture
def train(
    architecture: Architecture, data: Dataset, make_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """A function that trains into a folder and, with `steps`, is stopped after so many."""
    monkeypatch.setattr(trainer, "LOSS_WINDOW", 4)

    def train(folder: str, steps: int = 10**9, **arguments: object) -> None:
        asked = iter(range(10**9))
        recipe = make_recipe(validations=3)
        cpu = torch.device("cpu")
        train_fully(
            architecture,
            data,
            recipe,
            tmp_path / folder,
            device=cpu,
            should_stop=lambda: next(asked) >= steps,
            **arguments,
        )

    return train


def test_a_stopped_training_has_the_log_of_one_that_was_not(train: Callable[..., None], tmp_path: Path) -> None:
    train("straight")
    for more in (3, 9, 10):
        with pytest.raises(TrainingStoppedError):
            train("stopped", steps=more)
    train("stopped")

    def lasting(folder: str) -> list[list[str]]:
        return [
            [row[name] for name in ("step", "loss", "learning_rate", "psnr")] for row in rows(tmp_path / folder / LOG)
        ]

    assert lasting("stopped") == lasting("straight")
    assert [step for step, _, _, psnr in lasting("straight") if psnr] == ["10", "20", "30"]
    assert [row[0] for row in lasting("straight")] == ["4", "8", "10", "12", "16", "20", "24", "28", "30"]


@pytest.fixture
def events(tmp_path: Path) -> Iterator[Callable[[], object]]:
    """A function that reads the folder `events` as TensorBoard does."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def read() -> object:
        read = accumulators.EventAccumulator(str(tmp_path / "events"), size_guidance={"images": 0, "scalars": 0})
        return read.Reload()

    return read


def test_tensorboard_reads_the_figures_and_the_picture(
    train: Callable[..., None], events: Callable[..., object], tmp_path: Path
) -> None:
    train("model", tensorboard=tmp_path / "events")
    read, logged = events(), rows(tmp_path / "model" / LOG)
    losses = {event.step: event.value for event in read.Scalars("loss")}
    assert losses == pytest.approx({int(row["step"]): float(row["loss"]) for row in logged}, rel=1e-5)
    measured = {event.step: event.value for event in read.Scalars("PSNR dB")}
    assert measured == pytest.approx({int(row["step"]): float(row["psnr"]) for row in logged if row["psnr"]}, abs=1e-3)
    assert {event.step for event in read.Scalars("learning rate")} == set(losses)
    assert {event.step: event.value for event in read.Scalars("losses/l1")} == losses
    assert [event.step for event in read.Images("sample")] == [10, 20, 30]
    picture, original = read.Images("sample")[-1], read.Images("sample/original")[0]
    assert (picture.width, picture.height) == (original.width, original.height)
    assert np.frombuffer(picture.encoded_image_string[:4], np.uint8)[1:].tobytes() == b"PNG"


def test_tensorboard_leaves_out_what_was_trained_again(
    train: Callable[..., None], events: Callable[..., object], tmp_path: Path
) -> None:
    with pytest.raises(TrainingStoppedError):
        train("stopped", steps=9, tensorboard=tmp_path / "events")
    checkpoint = tmp_path / "stopped" / "checkpoint.safetensors"
    kept = checkpoint.read_bytes()
    with pytest.raises(TrainingStoppedError):
        train("stopped", steps=9, tensorboard=tmp_path / "events")
    checkpoint.write_bytes(kept)  # as if that process had been killed before it wrote its own
    train("stopped", tensorboard=tmp_path / "events")
    assert [event.step for event in events().Scalars("loss")] == [4, 8, 10, 12, 16, 20, 24, 28, 30]


def test_without_the_package_a_sentence_says_how_to_get_it(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"needs the package tensorboard; install it with: pip install .*tensorboard"):
        TensorBoardLog(tmp_path, data.validation)


def test_all_listeners_are_told() -> None:
    heard: list[tuple[str, int]] = []
    tell = to_all(lambda r: heard.append(("a", r.step)), None, lambda r: heard.append(("b", r.step)))
    tell(report(20))
    assert heard == [("a", 20), ("b", 20)]
