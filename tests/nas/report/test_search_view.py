"""What is shown of a search while it goes on: counts, times, and the best within parts of the budget."""

import io
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState
from searches import CPU, Begin, Listener, beginner, work

from nas.report import progress
from nas.report.console import LiteralConsole
from nas.report.progress import TrainingDisplay
from nas.report.search_view import SearchView, Standing
from nas.report.whole import Tally
from nas.search.run import Run
from nas.search.schedule.deadline import Deadline
from nas.search.workers.worker import Worker

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


@pytest.fixture
def begin(tmp_path: Path, tiny_data: Path) -> Begin:
    return beginner(tmp_path, tiny_data)


def view_of(run: Run, seconds_ago: float = 0.0, deadline: Deadline | None = None) -> SearchView:
    view = SearchView(run, time.monotonic() - seconds_ago, deadline)
    view.read()
    return view


def test_counts_are_those_of_the_study(begin: Begin) -> None:
    run, data = begin(rungs=(1, 3, 9), steps=9, trials=9)
    said = Listener()
    Worker(run, data, CPU, said).work(lambda: len(said.lines) >= 9)
    run.study.ask()  # another worker's
    standing = Standing.of(run.snapshot())
    measured = run.measured()
    assert standing.tried == len(measured) and standing.trained == len(run.candidates())
    assert standing.promoted == sum(len(network.rungs) > 1 for network in measured) > 0
    assert standing.trained + standing.paused <= standing.tried and standing.paused > 0
    assert (standing.failed, standing.running) == (0, 1)


def test_a_candidate_that_failed_is_counted(begin: Begin) -> None:
    run, data = begin(space="broken", trials=2, fixed={"how": "raises"}, budgets=("1G-MACs",))
    work(run, data)
    failed = len(run.study.get_trials(states=(TrialState.FAIL,)))
    assert Standing.of(run.snapshot()).in_words == [f"{failed} failed"]


def test_the_best_within_the_budget_and_within_a_half_and_a_quarter_of_it(begin: Begin) -> None:
    run, data = begin(trials=6)
    work(run, data)
    standing = Standing.of(run.snapshot())
    assert [best.within for best in standing.best] == [f"best within {n}M MACs" for n in (300, 150, 75)]
    for best, limit in zip(standing.best, (300e6, 150e6, 75e6), strict=True):
        fitting = [c for c in run.candidates() if c.macs <= limit]
        if not fitting:
            assert best.name == "none yet"
            continue
        expected = max(fitting, key=lambda c: c.psnr)
        assert best.name == expected.label.removeprefix("first") and best.figures[0].text == f"{expected.psnr:.2f} dB"
        assert best.figures[1].text == f"{expected.psnr - run.bicubic[0]:+.2f}" and best.figures[3].text == ""
    assert any(best.name.startswith(":") or "/" in best.name for best in standing.best)


def test_a_best_network_says_how_far_it_is_trained(begin: Begin) -> None:
    run, data = begin(rungs=(1, 9), steps=9, trials=6)
    said = Listener()
    Worker(run, data, CPU, said).work(lambda: bool(said.lines))
    best = Standing.of(run.snapshot()).best[0]
    assert best.figures[3].text == "1/9 steps"


@pytest.mark.parametrize("width", [79, 60, 40, 20])
def test_no_line_is_wider_than_the_terminal(begin: Begin, width: int) -> None:
    run, data = begin(rungs=(1, 3), steps=3, trials=4)
    work(run, data)
    lines = view_of(run, 600).lines(width, Tally())
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("first: 4 of 4 cand")
    if width == 79:
        assert lines[0] == "first: 4 of 4 candidates, 10 min gone, the front is being trained to its end"
        assert "trained to the end" in lines[1] and len(lines) == 5


def test_a_log_gets_the_same_in_one_line(begin: Begin) -> None:
    run, data = begin(trials=2)
    work(run, data)
    line = view_of(run, 600).line(Tally())
    assert line.startswith(
        "first: 2 of 2 candidates, 10 min gone, the front is being trained to its end; 2 trained to the end; "
    )
    assert "best within 300M MACs: " in line and " dB " in line and "\n" not in line


def test_before_the_first_reading_there_is_a_name_and_a_time(begin: Begin) -> None:
    run, _ = begin()
    view = SearchView(run, time.monotonic())
    assert view.lines(79, Tally()) == ["first: 0 s gone"] and view.line(Tally()) == ""
    view.read()
    assert view.lines(79, Tally()) == ["first: 0 of 3 candidates, 0 s gone"]


def test_the_time_that_is_left_comes_from_the_candidates_since_the_command_began(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = begin(trials=2)
    work(run, data)
    run, data = begin(trials=6)
    view = view_of(run)
    assert view.lines(79, Tally())[0] == "first: 2 of 6 candidates, 0 s gone"  # none of them in this command
    said = Listener()
    Worker(run, data, CPU, said).work(lambda: bool(said.lines))
    later = time.monotonic() + 600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    view.read()
    assert view.lines(79, Tally())[0].startswith("first: 3 of 6 candidates, 10 min gone, about 30 min left")


def test_with_a_time_it_ends_by_then(begin: Begin) -> None:
    run, _ = begin(trials=5)
    view = view_of(run, 60, Deadline(time.monotonic() - 60, 660))
    assert view.lines(79, Tally())[0] == "first: 0 of 5 candidates, 60 s gone, at most 10 min left"
    view = view_of(run, 60, Deadline(time.monotonic() - 60, 55))
    assert view.lines(79, Tally())[0] == "first: 0 of 5 candidates, 60 s gone, time is up"


def test_a_database_that_is_away_breaks_neither_the_view_nor_what_it_shows(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = begin()
    study, away = run.folder / "study.db", run.folder / "away.db"
    run.storage.engine.dispose()
    study.rename(away)
    study.mkdir()
    view = SearchView(run, time.monotonic())
    began = time.monotonic()
    with pytest.raises(Exception, match=r"can't be reached"):
        view.read()
    assert time.monotonic() - began < 5  # it doesn't wait
    notes = LiteralConsole()
    notes.file = io.StringIO()
    monkeypatch.setattr(progress, "NOTES", notes)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.02)
    with TrainingDisplay(view) as display, display.training("first:7 (3M MACs)"):
        time.sleep(0.2)
        display.say("goes on")
        assert display.lines(79, 24) == ["first: 0 s gone", ":7 (3M MACs)"]
    assert notes.file.getvalue() == "goes on\n"
    study.rmdir()
    away.rename(study)
    view.read()
    assert view.standing is not None


def test_old_news_say_how_old_they_are(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = begin()
    view = view_of(run)
    later = time.monotonic() + 300
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert view.lines(79, Tally()) == ["first: 0 of 3 candidates, 5 min gone, news of 5 min ago"]
