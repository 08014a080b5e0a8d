"""A network has one name however many trials it has, and any of its numbers finds it."""

from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from searches import Begin, trials_in, work

from nas.report.front_files import summarise
from nas.search.front import Candidate
from nas.search.history import RUNGS
from nas.search.run import Run
from nas.search.trial_names import first_trials, label_of, numbers_of

COMPLETE, FAIL, PRUNED, RUNNING = TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, TrialState.RUNNING


def trial(
    number: int, state: TrialState, network: str | None, retried: int | None = None, **attributes: Any
) -> FrozenTrial:
    attributes |= {} if network is None else {"fingerprint": network}
    values = [1.0] if state == COMPLETE else None
    system = {} if retried is None else {"failed_trial": retried, "retry_history": [retried]}
    made = optuna.create_trial(state=state, values=values, user_attrs=attributes, system_attrs=system)
    made.number = number
    return made


def test_a_network_keeps_the_number_of_its_first_trial_when_it_is_promoted_and_when_its_worker_dies() -> None:
    measured = {RUNGS: {"1": {"psnr": 30.0}}}
    trials = [
        trial(0, PRUNED, "a", **measured),
        trial(1, FAIL, "b"),
        trial(2, FAIL, "a", promoted_from=0, **measured),
        trial(3, COMPLETE, "a", retried=2, promoted_from=0, **measured),
        trial(4, RUNNING, None, retried=1),
        trial(5, PRUNED, None),
    ]
    assert first_trials(trials) == {0: 0, 1: 1, 2: 0, 3: 0, 4: 1, 5: 5}
    assert numbers_of(3, first_trials(trials)) == [0, 2, 3]
    assert label_of(trials[3], "first", first_trials(trials)) == "first:0"


@pytest.mark.parametrize("lower", [{"state": PRUNED, "stopped": "duplicate of 1"}, {"state": RUNNING}])
def test_a_trial_that_was_refused_gives_no_name_to_the_network_of_another(lower: dict[str, Any]) -> None:
    trials = [trial(0, network="a", **lower), trial(1, RUNNING, "a", claimed=True), trial(2, PRUNED, "a")]
    assert first_trials(trials) == {0: 1, 1: 1, 2: 1}


def promoted_candidate(run: Run) -> tuple[Candidate, FrozenTrial]:
    """Return a candidate that was paused and promoted, and its last trial."""
    last = {t.number: t for t in trials_in(run, COMPLETE) if "promoted_from" in t.user_attrs}
    candidate = next(c for c in run.candidates() if c.last_trial in last and not c.published)
    return candidate, last[candidate.last_trial]


def test_a_promoted_candidate_has_one_name_in_the_progress_the_front_and_the_figures(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=6)
    _, said = work(run, data)
    candidate, last = promoted_candidate(run)
    assert candidate.trial < last.number
    assert candidate.label == f"first:{candidate.trial}"
    assert any(line.startswith(f"{candidate.label}: ") for line in said.lines)
    assert not any(f":{last.number}:" in line for line in said.lines)
    assert any(label.startswith(f"{candidate.label} (") for label in said.begun)
    assert candidate.trial in [row["trial"] for row in summarise(run.snapshot())["candidates"]]  # type: ignore[attr-defined]
    assert run.architecture(last.number) == run.architecture(candidate.trial) == candidate.architecture
    assert (run.candidate_folder(candidate.last_trial) / "weights.safetensors").is_file()
