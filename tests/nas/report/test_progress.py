"""What a user sees while a training runs, on a terminal and elsewhere."""

import io
import re

import pytest
import torch
from rich.console import Console

from nas.report import progress
from nas.report.progress import TrainingDisplay, describe
from nas.training.trainer import Report


def report(step: int, began: int = 0, **changed: object) -> Report:
    figures = {
        "loss": 0.01234,
        "losses": {},
        "psnr": 31.456,
        "measured": False,
        "learning_rate": 1e-3,
        "patches_per_second": 412.3,
    }
    return Report(step=step, steps=100, seconds=step / 10, began=began, **figures | changed)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, highlight=False)
    monkeypatch.setattr(progress, "NOTES", console)
    return console


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(file=io.StringIO(), force_terminal=False, width=120, highlight=False, soft_wrap=True)
    monkeypatch.setattr(progress, "NOTES", console)
    return console


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


def test_figures_are_loss_psnr_and_speed() -> None:
    assert describe(report(20)) == "loss 0.0123, 31.46 dB, 412 patches/s"
    assert describe(report(20, psnr=None)) == "loss 0.0123, 412 patches/s"
    assert describe(report(100, patches_per_second=None)) == "loss 0.0123, 31.46 dB"


def test_a_terminal_shows_each_training_on_a_line_of_its_own(terminal: Console) -> None:
    with TrainingDisplay() as display, display.training("[one]") as first, display.training("two") as second:
        first(report(20))
        second(report(60))
        display._progress.refresh()
    lines = shown(terminal).splitlines()
    (one,) = {line for line in lines if line.startswith("[one]") and "20/100 steps" in line}
    (two,) = {line for line in lines if line.startswith("two") and "60/100 steps" in line}
    assert one.rstrip().endswith("left, loss 0.0123, 31.46 dB, 412 patches/s")
    assert two.rstrip().endswith("left, loss 0.0123, 31.46 dB, 412 patches/s")


def test_a_training_that_has_ended_is_no_longer_shown(terminal: Console) -> None:
    with TrainingDisplay() as display:
        with display.training("one") as listener:
            listener(report(20))
        assert display._progress.tasks == []
        display.say("one: [done]")
    assert "one: [done]" in shown(terminal)


def test_steps_of_an_earlier_process_are_not_counted_as_speed(terminal: Console) -> None:
    now = 0.0
    display = TrainingDisplay()
    display._progress.get_time = lambda: now
    with display.training("one") as listener:
        for step in (60, 62, 64):
            listener(report(step, began=60))
            now += 1.0
        (task,) = display._progress.tasks
        assert task.speed == pytest.approx(2)
        assert task.time_remaining == (100 - 64) / 2


def test_elsewhere_a_training_says_how_it_goes_once_a_minute(pipe: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with TrainingDisplay() as display, display.training("one") as listener:
        for step in range(10, 60, 10):
            now += 31
            listener(report(step, sample=torch.zeros(1, 2, 2)))
    assert shown(pipe).splitlines() == [
        "one: step 20 of 100, loss 0.0123, 31.46 dB, 412 patches/s, 4 minutes left",
        "one: step 40 of 100, loss 0.0123, 31.46 dB, 412 patches/s, 3 minutes left",
    ]
