from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from nas.search.history import FIXED, RUNGS, WORKER, MeasuredNetwork
from nas.search.storage.opening import open_storage
from nas.search.workers.holding import Heart, TakenOverError, begin, promote, take, tell
from nas.search.workers.identity import worker_name

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    return optuna.create_study(study_name="first", storage=storage, directions=["maximize", "minimize"])


def test_the_queue_comes_first_and_in_it_what_was_trained_before(study: optuna.Study) -> None:
    study.enqueue_trial({"width": 1})
    study.enqueue_trial({"width": 2}, user_attrs={RUNGS: {"100": {"psnr": 30.0}}})
    assert [take(study).number for _ in range(3)] == [1, 0, 2]


def test_a_trial_names_its_worker(study: optuna.Study) -> None:
    assert take(study).user_attrs[WORKER] == worker_name()


def test_a_promotion_is_this_worker_s_and_keeps_what_was_measured(study: optuna.Study) -> None:
    first = begin(study, {"width": 3})
    rungs = {"100": {"psnr": 30.0}}
    first.set_user_attr(RUNGS, rungs)
    study.tell(first, state=TrialState.PRUNED)
    promoted = promote(study, MeasuredNetwork("f", {"width": 3}, {}, {100: {"psnr": 30.0}}, first.number))
    frozen = study.get_trials()[promoted.number]
    assert frozen.state == TrialState.RUNNING
    assert frozen.system_attrs[FIXED] == {"width": 3}
    assert (frozen.user_attrs[RUNGS], frozen.user_attrs["promoted_from"]) == (rungs, first.number)


def test_what_was_told_already_may_be_told_again_alike_but_not_otherwise(study: optuna.Study) -> None:
    trial = take(study)
    tell(study, trial, TrialState.COMPLETE, (30.0, 1.0))
    tell(study, trial, TrialState.COMPLETE, (30.0, 1.0))  # an answer that was lost
    with pytest.raises(TakenOverError):
        tell(study, trial, TrialState.FAIL)


def test_values_that_are_none_are_a_fault(study: optuna.Study) -> None:
    with pytest.raises(ValueError, match="nan"):
        tell(study, take(study), TrialState.COMPLETE, (float("nan"), 1.0))


def test_a_heart_notices_that_its_trial_was_taken_over(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = study._storage._backend  # type: ignore[attr-defined]
    monkeypatch.setattr(storage, "heartbeat_interval", 0.05)
    trial = take(study)
    with Heart(storage, trial) as heart:
        heart.step = 7
        while study.get_trials()[trial.number].user_attrs.get("reached") != 7:
            pass
        assert not heart.is_lost
        study.tell(trial.number, state=TrialState.FAIL)
        while not heart.is_lost:
            pass
