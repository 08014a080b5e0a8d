import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose
from searches import Begin, trials_in, work
from torch import nn

from nas.errors import InputError
from nas.pareto import hypervolume, improvement
from nas.search.samplers.figure_model import FEWEST
from nas.search.samplers.local import Local
from nas.search.samplers.observations import Observations
from nas.search.samplers.problem import Draw, Problem
from nas.search.samplers.screen import ProxyScreen, check_screens, make_screens, order, parse_screens
from nas.search.samplers.surrogate import SurrogateScreen
from nas.search.schedule.ending import Ending
from proxies import PROXIES, Score, Task
from search_spaces import Architecture, UnknownNameError

from .replay import BUDGET, search, tiles


class Contrast:
    """A proxy that doesn't train: how much contrast a network leaves in the patches."""

    name: ClassVar[str] = "contrast"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        lr, _ = task.batch(2)
        return Score(float(network(lr).detach().std()), "of 1", {})


@pytest.fixture
def contrast() -> str:
    if "contrast" not in PROXIES.names():
        PROXIES.add("contrast", Contrast())
    return "contrast"


def plain_cells(_: str, architecture: Architecture) -> float:
    return float(sum(value == "plain" for value in architecture.choices.values()))


def observed_after(trials: int) -> Observations:
    asked = tiles(trials=trials)
    study = search(asked)
    return Observations.look(Problem.of(asked), study, study.ask()._get_latest_trial())


def pool_of(problem: Problem, size: int, seed: int = 5) -> list[Draw]:
    rng = np.random.default_rng(seed)
    return [problem.draw(problem.random_by_cost(rng)) for _ in range(size)]


def test_screens_are_read_with_their_pools(contrast: str) -> None:
    assert parse_screens(()) == []
    assert parse_screens(("contrast:50", "surrogate:7")) == [("contrast", 50), ("surrogate", 7)]
    assert parse_screens(("contrast", "surrogate")) == [("contrast", 100), ("surrogate", 20)]


@pytest.mark.parametrize(
    ("screens", "sampler", "error", "message"),
    [
        (("surrogat",), "tpe", UnknownNameError, r"There is no screen named 'surrogat'; did you mean 'surrogate'\?"),
        (("brief:20",), "tpe", InputError, "The proxy 'brief' trains, so it is no screen; screens are .*surrogate"),
        (("surrogate:1",), "tpe", InputError, "must choose from at least two candidates, not 1"),
        (("surrogate:many",), "tpe", InputError, "'surrogate:many' is not a screen; write it as surrogate:100"),
        (("surrogate:9", "surrogate:9"), "tpe", InputError, "can't choose from 9 candidates where 9 are drawn"),
        (("surrogate:9",), "gp", InputError, "'gp' takes seconds for a candidate"),
    ],
)
def test_what_is_no_screen_is_named(
    screens: tuple[str, ...], sampler: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check_screens(screens, sampler)


def test_a_search_with_a_wrong_screen_writes_nothing(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trains, so it is no screen"):
        begin(screens=("brief",))
    assert not (tmp_path / "results" / "first").exists()


def test_a_proxy_keeps_what_nothing_cheaper_beats() -> None:
    observed = observed_after(3)
    pool, rng = pool_of(observed.problem, 40), np.random.default_rng(0)
    screen = ProxyScreen("contrast", plain_cells)
    for kept in (screen(pool, 1, observed, rng)[0] for _ in range(10)):
        better = [
            other for other in pool
            if plain_cells("", other.architecture) > plain_cells("", kept.architecture)
            and other.cost.macs <= kept.cost.macs
        ]  # fmt: skip
        assert better == []


def test_a_proxy_picks_anywhere_on_its_front() -> None:
    observed = observed_after(3)
    pool, rng = pool_of(observed.problem, 40), np.random.default_rng(0)
    kept = {ProxyScreen("contrast", plain_cells)(pool, 1, observed, rng)[0].cost.macs for _ in range(30)}
    assert len(kept) > 2


def test_what_can_not_be_scored_comes_last_even_if_it_is_the_cheapest() -> None:
    observed = observed_after(3)
    pool = pool_of(observed.problem, 10)
    cheapest = min(range(10), key=lambda i: pool[i].cost.macs)
    scores = [math.nan if i == cheapest else 1.0 for i in range(10)]
    assert order(scores, pool, observed, np.random.default_rng(0))[-1] == cheapest


def test_screens_follow_one_another(contrast: str) -> None:
    asked_of: list[Architecture] = []

    def score(name: str, architecture: Architecture) -> float:
        asked_of.append(architecture)
        return plain_cells(name, architecture)

    asked = tiles(trials=12, sampler="local", screens=("contrast:15", "surrogate:4"))
    search(asked, score=score)
    assert len(asked_of) == 12 * 15


def test_the_gain_of_a_point_is_what_it_adds_to_the_hypervolume() -> None:
    rng = np.random.default_rng(0)
    for dimensions in (2, 3):
        front, reference_point = rng.random((6, dimensions)), np.ones(dimensions)
        for point in rng.random((20, dimensions)):
            whole = hypervolume(np.vstack([front, point]), list(reference_point)) - hypervolume(
                front, list(reference_point)
            )
            assert_allclose(improvement(point, front, reference_point), whole, atol=1e-12)


def test_the_surrogate_keeps_what_promises_most() -> None:
    observed = observed_after(40)
    pool = pool_of(observed.problem, 60)
    best = SurrogateScreen()(pool, 5, observed, np.random.default_rng(0))
    plain = [plain_cells("", draw.architecture) for draw in pool]
    assert np.mean([plain_cells("", draw.architecture) for draw in best]) > np.mean(plain) + 0.7


def test_the_surrogate_keeps_any_while_little_is_known() -> None:
    observed = observed_after(3)
    pool = pool_of(observed.problem, 10)
    kept = {id(SurrogateScreen()(pool, 1, observed, np.random.default_rng(seed))[0]) for seed in range(20)}
    assert len(kept) > 3


class Counting(Local):
    """Local search that remembers how large its pools were asked to be."""

    def pool(self, observed: Observations, size: int) -> list[Draw]:
        self.asked = size
        return super().pool(observed, size)


def test_no_pool_is_drawn_for_a_screen_that_can_not_tell_yet(contrast: str) -> None:
    def drawn(known: int, *screens: str) -> int:
        observed = observed_after(known)
        sampler = Counting(observed.problem, 0, 40, make_screens(screens, plain_cells))
        sampler.sample_relative(observed.study, observed.trial, dict(observed.problem.distributions))
        return sampler.asked

    assert drawn(FEWEST - 1, "surrogate:30") == 1
    assert drawn(FEWEST, "surrogate:30") == 30
    assert drawn(FEWEST - 1, "contrast:40", "surrogate:30") == 40
    assert drawn(FEWEST - 1, "surrogate:30", "contrast:20") == 20


def test_far_below_the_budget_nothing_is_cheaper_than_something_else() -> None:
    small, large = (
        tiles(trials=20, budgets=(budget,), range_from=(end,))
        for budget, end in ((BUDGET, "1-MACs"), ("300G-MACs", "37.5G-MACs"))
    )
    study = search(small)
    trial = study.ask()._get_latest_trial()
    near, far = (Observations.look(Problem.of(asked), study, trial) for asked in (small, large))
    assert_allclose(near.points, near.unclamped)
    assert_allclose(far.points[:, 0], far.unclamped[:, 0])
    assert set(far.points[:, 1]) == {np.log2(37.5e9)}
    assert len(near.front) > 1
    assert set(far.points[far.front, 0]) == {far.points[:, 0].min()}
    # All of them cost the same there, so what promises most is what promises the best picture.
    pool = pool_of(far.problem, 60)
    best = SurrogateScreen()(pool, 5, far, np.random.default_rng(0))
    assert min(plain_cells("", draw.architecture) for draw in best) >= 3


def test_what_another_worker_trains_at_the_moment_promises_less() -> None:
    asked = tiles(trials=30)
    study = search(asked)
    problem = Problem.of(asked)

    def look() -> Observations:
        return Observations.look(problem, study, study.get_trials()[0])

    pool = pool_of(problem, 40)
    before = SurrogateScreen().improvements(pool, look(), np.random.default_rng(0))
    best = int(before.argmax())
    study.enqueue_trial(dict(pool[best].choices))
    running = study.ask()
    asked.searched.suggest(running)
    running.set_user_attr("fingerprint", pool[best].architecture.fingerprint)
    after = SurrogateScreen().improvements(pool, look(), np.random.default_rng(0))
    assert after[best] < 0.5 * before[best]


@pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")
def test_a_real_search_screens_by_a_proxy_and_the_surrogate(begin: Begin, contrast: str) -> None:
    run, data = begin(trials=4, sampler="local", screens=("contrast:6", "surrogate:3"))
    assert work(run, data)[0] == Ending.DONE
    assert len(run.candidates()) == 4
    assert run.settings.screens == ("contrast:6", "surrogate:3")
    assert len(trials_in(run)) >= 4
