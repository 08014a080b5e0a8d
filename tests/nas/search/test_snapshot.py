"""What is told of a search while it goes on: of one moment, also when little is trained, paused or given up."""

import json

import pytest
from optuna.trial import TrialState
from searches import CPU, Begin, Listener, work

from nas.errors import InputError
from nas.report.front_files import summarise, write_front
from nas.report.front_text import front_lines, front_table
from nas.search.history import CRASHED_AT, CRASHES
from nas.search.schedule.ending import Ending
from nas.search.workers.worker import Worker

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


def test_table_lines_page_and_json_are_of_one_moment_while_workers_go_on(begin: Begin) -> None:
    run, data = begin(trials=2)
    assert work(run, data)[0] == Ending.DONE
    snapshot = run.snapshot()
    run, data = begin(trials=5)
    assert work(run, data)[0] == Ending.DONE
    assert len(run.candidates()) == 5
    picture, page, figures = write_front(snapshot)
    assert len(snapshot.candidates) == 2
    assert str(front_table(snapshot).title).startswith("Front of first (2 trained)")
    assert json.loads(figures.read_text()) == summarise(snapshot)
    assert summarise(snapshot)["trained"] == 2 and picture.stat().st_size > 0
    assert "first: 2 candidates of" in page.read_text(encoding="utf-8")
    assert summarise(run.snapshot())["trained"] == 5


def test_a_front_without_a_trained_network_says_what_is_paused_and_how_far(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=6)
    said = Listener()
    Worker(run, data, CPU, said).work(lambda: bool(said.lines))
    snapshot = run.snapshot()
    ((network,), lines) = snapshot.paused, list(front_lines(snapshot, []))
    assert lines[-1] == (
        f"Nothing is trained to the end yet; paused: 1 (1 at 1 of 9 steps; the best at 1: dots/Dots-A, "
        f"{network.figures['psnr']:.2f} dB)."
    )
    assert front_table(snapshot).row_count == 0
    figures: dict[str, object] = json.loads(write_front(snapshot)[2].read_text())
    assert figures["front"] == [] and figures["paused"] == [{"trial": network.trial, "steps": 1, **network.figures}]


def test_a_front_before_the_first_candidate(begin: Begin) -> None:
    run, _ = begin()
    assert list(front_lines(run.snapshot(), []))[-1] == "Nothing is trained to the end yet; paused: none."
    assert all(path.is_file() for path in write_front(run.snapshot()))


def test_networks_that_were_given_up_are_named_with_the_reason(begin: Begin) -> None:
    run, data = begin(space="broken", trials=2, fixed={"how": "raises"}, budgets=("1G-MACs",))
    work(run, data)
    trials = [trial.number for trial in run.study.get_trials(states=(TrialState.FAIL,))]
    given_up = [line for line in front_lines(run.snapshot(), []) if line.startswith("Given up: ")]
    assert trials and len(given_up) == len(trials)
    assert given_up[0].startswith(f"Given up: first:{trials[0]}, ") and "frobnicator" in given_up[0]


def test_a_network_that_was_killed_too_often_is_named(begin: Begin) -> None:
    run, _ = begin()
    trial = run.study.ask()
    trial.set_user_attr(CRASHES, 3)
    trial.set_user_attr(CRASHED_AT, 0)
    run.study.tell(trial, state=TrialState.FAIL)
    (given_up,) = run.snapshot().given_up
    assert given_up.label == "dots/Dots-A"
    assert given_up.reason == "4 workers died while training it, and none trained it further"


def test_a_trial_of_a_run_without_trials(begin: Begin) -> None:
    run, _ = begin(space="broken", fixed={"how": "works"})
    with pytest.raises(InputError, match="The run 'first' has no trial yet, so none is number 7"):
        run.architecture(7)
