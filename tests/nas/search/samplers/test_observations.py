"""What a sampler reads of a study: measured networks, started networks, and networks in training elsewhere."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import Problem
from search_spaces import Choice

from .replay import tiles


def problem() -> Problem:
    return Problem.of(tiles(range_from=("50M-MACs",)))


def choices() -> dict[str, Choice]:
    return problem().completed(problem().space.smallest)


def trial(name: str, state: TrialState, rungs: dict[int, float], macs: float = 1e8) -> FrozenTrial:
    figures = {str(steps): {"psnr": psnr} for steps, psnr in rungs.items()}
    attributes: dict[str, Any] = {"fingerprint": name, "macs": macs, "params": 10, "rungs": figures}
    values = [30.0, macs / 1e9] if state == TrialState.COMPLETE else None
    distributions = dict(problem().distributions)
    chosen = {key: choices()[key] for key in distributions}
    return create_trial(state=state, values=values, params=chosen, distributions=distributions, user_attrs=attributes)


def observed(*trials: FrozenTrial) -> Observations:
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trials(trials)
    return Observations.look(problem(), study, study.ask()._get_latest_trial())


def test_paused_networks_count_at_the_highest_rung() -> None:
    low = trial("low", TrialState.PRUNED, {10: 30.0})
    high = trial("high", TrialState.COMPLETE, {10: 31.0, 30: 32.5}, macs=2e8)
    seen = observed(low, high)
    assert [network.fingerprint for network in seen.networks] == ["low", "high"]
    assert [figures["psnr"] for figures in seen.figures] == [31.5, 32.5]
    assert (seen.front == [0, 1] and seen.best_first == [0, 1]) or seen.best_first == [1, 0]


def test_started_networks_are_tried_also_without_figures() -> None:
    running, refused = trial("busy", TrialState.RUNNING, {}), trial("refused", TrialState.PRUNED, {})
    seen = observed(running, refused)
    assert seen.tried == {"busy", "refused"} and seen.networks == ()
    assert seen.running == (running.params,)


def test_a_network_with_figures_is_not_counted_as_running() -> None:
    assert observed(trial("promoted", TrialState.RUNNING, {10: 30.0})).running == ()


def test_costs_below_the_range_of_interest_are_clamped() -> None:
    tiny = observed(trial("tiny", TrialState.PRUNED, {10: 30.0}, macs=1.0))
    assert tiny.unclamped[0, 1] < tiny.points[0, 1] == pytest.approx(np.log2(50e6))


def test_a_parent_has_all_choices() -> None:
    assert observed(trial("a", TrialState.PRUNED, {10: 30.0})).parent(0) == choices()
