"""Scoring of one candidate: refusals, figures of proxies, and the files beside a checkpoint."""

import math
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from searches import CPU, Begin, Listener

from nas.search.run import Run
from nas.search.study import load_study
from nas.search.workers.holding import Heart, take
from nas.search.workers.scoring import Scoring, log_beside
from nas.training.logs import LOG
from proxies import PROXIES
from search_spaces import Architecture


class Failing:
    """A proxy that can't score any network."""

    name, trains = "failing", False

    def score(self, network: object, task: object) -> None:
        raise RuntimeError("no gradient")


@pytest.fixture
def scoring(begin: Begin) -> Scoring:
    run, data = begin(budgets=("50M-MACs",))
    study = load_study(run.storage, "first")
    return Scoring(run, data, CPU, Listener(), study, None)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    PROXIES.names()
    monkeypatch.setitem(PROXIES._members, "failing", Failing())
    yield "failing"


def network(run: Run) -> Architecture:
    return run.settings.architecture({"width": 2, "kernel": 1, "padded": False})


def test_a_candidate_over_the_budget_is_refused_before_any_training(scoring: Scoring) -> None:
    trial = take(scoring.study)  # Dots-A needs 104M MACs
    with pytest.raises(optuna.TrialPruned, match=r"M > 50M MACs"):
        scoring.score(trial, Heart(scoring.run.storage, trial), lambda: False, None)
    assert isinstance(scoring.listener, Listener) and scoring.listener.begun == []
    assert "claimed" not in scoring.study.get_trials()[trial.number].user_attrs


def test_a_proxy_scores_a_candidate(scoring: Scoring) -> None:
    assert scoring.screened("params", network(scoring.run)) == pytest.approx(
        sum(p.numel() for p in network(scoring.run).build().parameters())
    )


def test_a_proxy_that_fails_gives_no_score_and_says_so(scoring: Scoring, failing: str) -> None:
    assert math.isnan(scoring.screened(failing, network(scoring.run)))
    assert isinstance(scoring.listener, Listener)
    assert scoring.listener.lines == ["a candidate has no failing: RuntimeError: no gradient"]


def test_a_finished_candidate_keeps_its_log_beside_its_weights(scoring: Scoring) -> None:
    trial = take(scoring.study)
    scoring.run.settings.searched.suggest(trial)
    checkpoint = scoring.run.checkpoint(scoring.run.architecture(trial.number))
    checkpoint.parent.mkdir()
    checkpoint.touch()
    log_beside(checkpoint).write_text("step,loss\n")
    scoring.run.candidate_folder(trial.number).mkdir(parents=True)
    scoring.clear(trial)
    assert not checkpoint.exists()
    assert (scoring.run.candidate_folder(trial.number) / LOG).read_text() == "step,loss\n"


def test_the_log_of_a_training_lies_beside_its_checkpoint() -> None:
    assert log_beside(Path("a/b.safetensors")) == Path("a/b.csv")
