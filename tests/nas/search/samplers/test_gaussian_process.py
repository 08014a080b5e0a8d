import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.gaussian_process import GaussianProcessRegressor
from threadpoolctl import threadpool_info, threadpool_limits

from nas.search.samplers.gaussian_process import GaussianProcess


def problem(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Networks of 20 choices of which three count, and their costs; figures in dB with a little noise."""
    rng = np.random.default_rng(seed)
    choices, costs = rng.integers(0, 2, (count, 20)).astype(float), rng.uniform(20, 38, (count, 2))
    figures = 34 + choices[:, :3].sum(axis=1) * 0.3 + 0.05 * costs[:, 0] + rng.normal(0, 0.1, count)
    return [choices, costs], figures


def test_networks_that_it_has_not_seen_are_ranked() -> None:
    known, unknown = problem(60, 0), problem(40, 1)
    mean, deviation = GaussianProcess().fit(*known).predict(unknown[0])
    assert mean.shape == deviation.shape == (40,)
    assert kendalltau(mean, unknown[1]).statistic > 0.5
    assert (deviation >= 0).all() and deviation.max() > 0


def test_it_computes_on_one_thread_beside_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fit = GaussianProcessRegressor.fit

    def spied(self: GaussianProcessRegressor, x: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
        seen.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return fit(self, x, y)

    monkeypatch.setattr(GaussianProcessRegressor, "fit", spied)
    with threadpool_limits(2, user_api="blas"):
        GaussianProcess().fit(*problem(20, 0))
    assert seen and set(seen) == {1}


def test_the_process_is_sure_where_it_has_seen_much_and_unsure_far_away() -> None:
    blocks, figures = problem(60, 0)
    surrogate = GaussianProcess().fit(blocks, figures)
    _, near = surrogate.predict([block[:10] for block in blocks])
    _, far = surrogate.predict([block[:10] + 30 for block in blocks])
    assert far.min() > 2 * near.max()


def test_its_uncertainty_is_as_large_as_its_errors() -> None:
    known, unknown = problem(60, 0), problem(200, 1)
    mean, deviation = GaussianProcess().fit(*known).predict(unknown[0])
    assert 0.5 < np.std((unknown[1] - mean) / deviation) < 2


def test_a_failure_does_not_spoil_the_rest() -> None:
    (blocks, figures), unknown = problem(60, 0), problem(40, 1)
    failed = figures.copy()
    failed[7] = 5.0
    mean, _ = GaussianProcess().fit(blocks, failed).predict(unknown[0])
    assert kendalltau(mean, unknown[1]).statistic > 0.5


def test_equal_figures_are_no_fault() -> None:
    blocks, _ = problem(12, 0)
    mean, deviation = GaussianProcess().fit(blocks, np.full(12, 35.0)).predict(blocks)
    assert np.allclose(mean, 35) and np.isfinite(deviation).all()
