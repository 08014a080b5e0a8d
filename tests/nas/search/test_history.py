from typing import Any

import optuna
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas.search.history import INTERRUPTED, RUNGS, history
from nas.search.workers.holding import promote

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL


def trial(width: int, state: TrialState, rungs: dict[int, float], **attributes: Any) -> FrozenTrial:
    figures = {str(steps): {"psnr": psnr} for steps, psnr in rungs.items()}
    return create_trial(
        state=state,
        params={"width": width},
        distributions={"width": IntDistribution(1, 64)},
        values=[30.0, 1.0] if state == COMPLETE else None,
        user_attrs={"fingerprint": f"w{width}", "macs": width * 1000, "rungs": figures, **attributes},
    )


def study(*trials: FrozenTrial) -> list[FrozenTrial]:
    made = optuna.create_study(directions=["maximize", "minimize"])
    made.add_trials(trials)
    return made.get_trials()


def test_trials_of_one_network_are_one_entry_with_all_its_rungs() -> None:
    measured = history(
        study(trial(8, PRUNED, {10: 30.0}), trial(9, PRUNED, {10: 29}), trial(8, PRUNED, {10: 30.0, 30: 31}))
    )
    assert [network.fingerprint for network in measured] == ["w8", "w9"]
    assert measured[0].rungs == {10: {"psnr": 30.0}, 30: {"psnr": 31}}
    assert measured[0].steps == 30 and measured[0].trial == 2
    assert measured[0].choices == {"width": 8}
    assert measured[0].figures == {"macs": 8000, "psnr": 31}


def test_a_promotion_that_came_second_does_not_hide_how_far_the_first_has_come() -> None:
    held, first = trial(8, PRUNED, {10: 30.0}), trial(8, PRUNED, {10: 30.0, 30: 31})
    second = trial(8, PRUNED, {10: 30.0}, stopped="duplicate of 1")
    made = optuna.create_study(directions=["maximize", "minimize"])
    made.add_trials([held, first, second])
    network = history(made.get_trials())[0]
    assert network.trial == 1
    promote(made, network)
    assert set(made.get_trials()[-1].user_attrs[RUNGS]) == {"10", "30"}


def test_what_was_refused_before_a_measurement_is_not_known() -> None:
    refused = create_trial(state=PRUNED, user_attrs={"fingerprint": "w3", "stopped": "412G > 300G MACs"})
    assert history(study(refused)) == []


def test_what_is_trained_waits_or_has_failed_is_not_open() -> None:
    held, running = trial(8, PRUNED, {10: 30.0}), trial(8, TrialState.RUNNING, {10: 30.0})
    assert history(study(held))[0].is_open
    assert not history(study(held, running))[0].is_open
    assert not history(study(held, trial(8, FAIL, {10: 30.0}, stopped="ValueError: no")))[0].is_open
    assert history(study(held, trial(8, FAIL, {10: 30.0}, stopped=INTERRUPTED)))[0].is_open
    assert not history(study(held, trial(8, FAIL, {10: 30.0}, crashes=3, crashed_at=10)))[0].is_open
    assert history(study(held, trial(8, FAIL, {10: 30.0}, crashes=3, crashed_at=5)))[0].is_open


def test_a_network_that_waits_in_the_queue_keeps_its_choices() -> None:
    made = optuna.create_study(directions=["maximize", "minimize"])
    made.enqueue_trial({"width": 8}, user_attrs={"fingerprint": "w8", "macs": 1, "rungs": {"10": {"psnr": 30.0}}})
    network = history(made.get_trials())[0]
    assert network.choices == {"width": 8} and not network.is_open
