"""What a user sees while trainings run, on a terminal and elsewhere."""

import io
import re
import time

import pytest
import torch
from rich.console import Console

from nas.report import progress
from nas.report.console import LiteralConsole
from nas.report.progress import TrainingDisplay, describe
from nas.report.whole import Counted
from nas.training.report import Report


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


def console(is_terminal: bool) -> LiteralConsole:
    made = LiteralConsole()
    made.file, made.width = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True), 100
    made._force_terminal = made.is_interactive = is_terminal
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "NOTES", made := console(True))
    return made


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(progress, "NOTES", made := console(False))
    return made


def shown(console: Console) -> str:
    assert isinstance(console.file, io.TextIOWrapper)
    assert isinstance(console.file.buffer, io.BytesIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.buffer.getvalue().decode())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test moves on."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_figures_are_loss_psnr_and_speed() -> None:
    assert describe(report(20)) == "loss 0.0123, 31.46 dB, 412 patches/s"
    assert describe(report(20, psnr=None)) == "loss 0.0123, 412 patches/s"
    assert describe(report(100, patches_per_second=None)) == "loss 0.0123, 31.46 dB"


def test_each_training_is_a_line_of_its_own(clock: list[float]) -> None:
    display = TrainingDisplay()
    with display.training("[one]") as first, display.training("two, longer") as second, display.training("three"):
        first(report(10))
        second(report(50))
        clock[0] += 60
        first(report(20))
        assert display.lines(100, 24) == [
            "[one]        ━━──────────  20/100 steps  4 min left  31.46 dB  loss 0.0123  412 patches/s",
            "two, longer  ━━━━━━──────  50/100 steps  60 s left  31.46 dB  loss 0.0123  412 patches/s",
            "three",
        ]
    assert display.lines(100, 24) == []


def test_skipped_steps_count_as_gone_and_take_no_time(clock: list[float]) -> None:
    display = TrainingDisplay()
    with display.training("one") as listener:
        clock[0] += 40
        listener(report(60, skipped=40))  # 20 steps in 40 s; 40 steps are left
        assert "60/100 steps  80 s left" in display.lines(100, 24)[0]


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (79, "one  ━━──────────  20/100 steps  60 s left  31.46 dB  loss 0.0123"),
        (50, "one  20/100 steps  60 s left  31.46 dB"),
        (30, "one  20/100 steps  60 s left"),
        (20, "one  20/100 steps"),
        (10, "one  20/1…"),
    ],
)
def test_a_narrow_terminal_shows_the_most_important(clock: list[float], width: int, line: str) -> None:
    display = TrainingDisplay()
    with display.training("one") as listener:
        listener(report(0))
        clock[0] += 15
        listener(report(20))
        assert display.lines(width, 24) == [line]


def test_a_low_terminal_shows_the_first_line_of_the_whole_and_the_trainings() -> None:
    display = TrainingDisplay(Counted(9, "networks"))
    with display.training("one"), display.training("two"):
        assert [line.partition(",")[0] for line in display.lines(79, 2)] == ["9 of 9 networks to go", "one"]
        assert display.lines(79, 3)[1:] == ["one", "two"]


def test_steps_of_an_earlier_process_are_not_counted_as_speed(clock: list[float]) -> None:
    display = TrainingDisplay()
    with display.training("one") as listener:
        listener(report(60, began=60))
        clock[0] += 2
        listener(report(64, began=60))
        assert "64/100 steps  18 s left" in display.lines(79, 24)[0]


def test_on_a_terminal_lines_stand_above_what_goes_on_and_nothing_of_that_stays(terminal: Console) -> None:
    with TrainingDisplay(Counted(2, "networks")) as display, display.training("one") as listener:
        listener(report(20))
        display._live.refresh()
        display.say("[0] first:0: [done]")
    text = shown(terminal)
    assert "2 of 2 networks to go" in text and "20/100 steps" in text and "[0] first:0: [done]" in text


def test_a_line_on_a_terminal_is_broken_between_words_and_in_a_log_never(terminal: Console) -> None:
    words = "rung 100: place 4 of 9, the best 3 continue; " * 4
    TrainingDisplay().say(words)
    first, second = shown(terminal).splitlines()[:2]
    assert len(first) <= 100 and f"{first.strip()} {second.strip()}" == words.strip()


def test_elsewhere_a_training_says_how_it_goes_once_a_minute(pipe: Console, clock: list[float]) -> None:
    with TrainingDisplay() as display, display.training("one") as listener:
        for step in range(0, 60, 10):
            clock[0] += 31
            listener(report(step, sample=torch.zeros(1, 2, 2)))
    assert shown(pipe).splitlines() == [
        "one: step 10 of 100, loss 0.0123, 31.46 dB, 412 patches/s, 9 min left",
        "one: step 30 of 100, loss 0.0123, 31.46 dB, 412 patches/s, 5 min left",
        "one: step 50 of 100, loss 0.0123, 31.46 dB, 412 patches/s, 3 min left",
    ]


def test_elsewhere_the_whole_is_told_once_a_minute(pipe: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.05)
    with TrainingDisplay(Counted(2, "networks")):
        time.sleep(0.5)
    lines = shown(pipe).splitlines()
    assert 2 <= len(lines) <= 10 and set(lines) <= {
        "2 of 2 networks to go, 0 s gone",
        "2 of 2 networks to go, 1 s gone",
    }


class Broken(Counted):
    def read(self) -> None:
        raise OSError("the database is away")


def test_news_that_can_not_be_read_end_nothing(pipe: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.05)
    with TrainingDisplay(Broken(2, "networks")) as display:
        time.sleep(0.3)
        display.say("goes on")
    assert "2 of 2 networks to go" in shown(pipe) and "goes on" in shown(pipe)
