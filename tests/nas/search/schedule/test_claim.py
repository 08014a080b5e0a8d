import threading

import optuna
import pytest
from optuna.trial import TrialState

from nas.search.history import RUNGS, STOPPED
from nas.search.schedule.claim import EnoughError, claim
from search_spaces import Architecture

MORE, FSRCNN = Architecture.published("moremnas/MoreMNAS-C"), Architecture.published("fsrcnn/FSRCNN")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(directions=["maximize", "minimize"])


def measured(study: optuna.Study, architecture: Architecture, steps: int, state: TrialState) -> None:
    """Add a trial that another worker has ended."""
    trial = study.ask()
    trial.set_user_attr("fingerprint", architecture.fingerprint)
    trial.set_user_attr(RUNGS, {str(steps): {"psnr": 30.0}})
    study.tell(trial, (30.0, 1.0) if state == TrialState.COMPLETE else None, state)


def test_a_network_is_tried_once(study: optuna.Study) -> None:
    measured(study, MORE, 900, TrialState.COMPLETE)
    with pytest.raises(optuna.TrialPruned, match="duplicate of 0"):
        claim(study, study.ask(), MORE, wanted=None)
    claim(study, study.ask(), FSRCNN, wanted=None)


def test_a_paused_network_continues_and_only_beyond_its_rung(study: optuna.Study) -> None:
    measured(study, MORE, 100, TrialState.PRUNED)
    promoted = study.ask()
    promoted.set_user_attr(RUNGS, {"100": {"psnr": 30.0}})
    claim(study, promoted, MORE, wanted=1)
    study.tell(promoted, state=TrialState.PRUNED)
    measured(study, MORE, 300, TrialState.PRUNED)
    late = study.ask()
    late.set_user_attr(RUNGS, {"100": {"psnr": 30.0}})
    with pytest.raises(optuna.TrialPruned, match="duplicate of 0"):
        claim(study, late, MORE, wanted=1)


def test_a_network_that_failed_by_itself_is_not_tried_again(study: optuna.Study) -> None:
    trial = study.ask()
    trial.set_user_attr("fingerprint", MORE.fingerprint)
    trial.set_user_attr(STOPPED, "it diverged")
    study.tell(trial, state=TrialState.FAIL)
    with pytest.raises(optuna.TrialPruned, match="duplicate of 0"):
        claim(study, study.ask(), MORE, wanted=None)


def test_no_more_are_tried_than_were_asked_for(study: optuna.Study) -> None:
    measured(study, MORE, 900, TrialState.COMPLETE)
    late = study.ask()
    with pytest.raises(EnoughError):
        claim(study, late, FSRCNN, wanted=1)
    claim(study, late, FSRCNN, wanted=2)


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_workers_at_one_moment_one_trains_the_network(study: optuna.Study, attempt: int) -> None:
    gate, refused = threading.Barrier(2), []

    def work(trial: optuna.Trial) -> None:
        gate.wait()
        try:
            claim(study, trial, MORE, wanted=None)
        except optuna.TrialPruned:
            refused.append(trial.number)

    threads = [threading.Thread(target=work, args=(study.ask(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
