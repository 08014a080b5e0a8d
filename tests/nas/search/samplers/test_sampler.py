"""What every sampler promises, ours and Optuna's."""

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from searches import Begin, work

from nas.search.samplers import SAMPLERS
from nas.search.samplers.problem import Problem
from nas.search.schedule.ending import Ending
from search_spaces import Architecture

from .replay import BORROWED, BUDGET, OURS, ask, plain_is_best, search, study_of, tell, tiles, volume


def test_the_samplers_are_those() -> None:
    assert SAMPLERS.names() == sorted([*OURS, *BORROWED, "gp"])


@pytest.mark.parametrize("sampler", [*OURS, *BORROWED])
def test_candidates_lie_in_the_space_and_hold_what_is_fixed(sampler: str) -> None:
    asked = tiles(sampler=sampler, trials=15, fixed={"cell2.kind": "wide", "tail": 2})
    for trial in search(asked).get_trials(states=(TrialState.COMPLETE,)):
        Architecture("tiles", 2, 1, trial.params).check()
        assert trial.params["cell2.kind"] == "wide" and trial.params["tail"] == 2


@pytest.mark.parametrize("sampler", [*OURS, *(f"{name}+surrogate:5" for name in (*OURS, *BORROWED))])
def test_nothing_is_drawn_that_is_known_or_over_the_budget(sampler: str) -> None:
    name, _, screen = sampler.partition("+")
    asked = tiles(sampler=name, screens=(screen,) if screen else (), trials=25)
    assert all(trial.state == TrialState.COMPLETE for trial in search(asked).get_trials())


def test_spread_candidates_cost_anything_up_to_the_budget() -> None:
    def octaves(sampler: str) -> list[float]:
        problem = Problem.of(asked := tiles(sampler=sampler, trials=25))
        return [float(np.log2(problem.draw(trial.params).cost.macs)) for trial in search(asked).get_trials()]

    assert np.std(octaves("spread")) > np.std(octaves("random"))
    assert min(octaves("spread")) < min(octaves("random"))


@pytest.mark.parametrize("sampler", OURS)
def test_a_budget_that_hardly_any_network_fits_is_met(sampler: str) -> None:
    asked = tiles(sampler=sampler, trials=5, budgets=("9M-MACs",))
    problem, rng = Problem.of(asked), np.random.default_rng(0)
    assert not any(problem.fits(problem.draw(problem.random(rng)).cost) for _ in range(200))
    assert all(trial.state == TrialState.COMPLETE for trial in search(asked).get_trials())


def test_the_gaussian_process_draws_what_fits() -> None:
    asked = tiles(sampler="gp", trials=6, budgets=("9M-MACs",))
    assert all(trial.state == TrialState.COMPLETE for trial in search(asked).get_trials())


@pytest.mark.parametrize("sampler", [*OURS, *BORROWED, "local+surrogate:10"])
def test_the_same_seed_and_study_bring_the_same_candidates(sampler: str) -> None:
    name, _, screen = sampler.partition("+")

    def drawn(seed: int) -> list[dict[str, object]]:
        asked = tiles(sampler=name, screens=(screen,) if screen else (), trials=12, seed=seed)
        return [trial.params for trial in search(asked).get_trials()]

    assert drawn(0) == drawn(0) != drawn(1)


@pytest.mark.parametrize("sampler", ["local", "falsr", "random+surrogate:20"])
def test_what_learns_finds_a_better_front_than_chance(sampler: str) -> None:
    name, _, screen = sampler.partition("+")
    screens = (screen,) if screen else ()
    found = [volume(search(tiles(sampler=name, screens=screens, seed=seed))) for seed in range(2)]
    chance = [volume(search(tiles(seed=seed))) for seed in range(2)]
    assert min(found) > max(chance)


@pytest.mark.parametrize("sampler", OURS)
def test_in_a_space_that_is_used_up_the_worker_gets_something_to_refuse(sampler: str) -> None:
    smallest = tiles().searched.smallest
    asked = tiles(sampler=sampler, trials=3, fixed={n: v for n, v in smallest.items() if n != "tail"})
    study = search(asked)
    trial, choices = ask(study, asked)
    assert tell(study, asked, trial, choices, plain_is_best)


def test_a_trial_from_the_queue_keeps_its_choices() -> None:
    asked = tiles(sampler="local", screens=("surrogate:5",))
    study = study_of(asked)
    study.enqueue_trial(dict(asked.searched.smallest))
    assert ask(study, asked)[1] == asked.searched.smallest


@pytest.mark.parametrize("screens", [(), ("surrogate:5",)])
@pytest.mark.parametrize("sampler", ["nsga2", "nsga3"])
def test_the_published_points_are_of_the_first_generation(sampler: str, screens: tuple[str, ...]) -> None:
    asked = tiles(sampler=sampler, screens=screens)
    study = study_of(asked)
    study.enqueue_trial(dict(asked.searched.smallest))
    ask(study, asked)
    attributes = study.get_trials()[0].system_attrs
    assert [value for name, value in attributes.items() if name.endswith(":generation")] == [0]


def test_networks_that_were_stopped_at_a_rung_are_learnt_from() -> None:
    asked = tiles(sampler="local", trials=4)
    study = study_of(asked)
    trial, choices = ask(study, asked)
    tell(study, asked, trial, choices, plain_is_best)
    stopped = study.get_trials()[0]
    stopped.state, stopped.values = TrialState.PRUNED, None
    again = optuna.create_study(directions=["maximize", "minimize"], sampler=study.sampler)
    again.add_trial(stopped)
    changed = [name for name, value in ask(again, asked)[1].items() if stopped.params[name] != value]
    assert 1 <= len(changed) <= 3


def test_smaller_networks_than_the_budgets_are_drawn_at_first_in_all_sizes() -> None:
    problem, rng = Problem.of(tiles()), np.random.default_rng(0)
    spread = [np.log2(problem.draw(problem.random_by_cost(rng)).cost.macs) for _ in range(100)]
    plain = [np.log2(problem.draw(problem.random(rng)).cost.macs) for _ in range(100)]
    assert np.std(spread) > 1.3 * np.std(plain)
    assert max(spread) <= np.log2(problem.budgets[0].limit) and str(problem.budgets[0]) == BUDGET


@pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")
@pytest.mark.parametrize("sampler", ["local", "falsr", "nsga3"])
def test_a_real_search_ends_with_each_sampler(begin: Begin, sampler: str) -> None:
    run, data = begin(trials=5, sampler=sampler, screens=("surrogate:3",))
    assert work(run, data)[0] == Ending.DONE
    assert len(run.candidates()) == 5
