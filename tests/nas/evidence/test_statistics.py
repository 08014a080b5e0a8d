import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from nas.evidence.statistics import Numbers, banded_taus, cost_bands, draws, interval, recalls, taus

FEW = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=25)
"""Values and truths of networks, with many ties."""


def spread(count: int, seed: int = 0) -> Numbers:
    return np.random.default_rng(seed).permutation(count).astype(np.float64)


@given(FEW, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_a_drawn_sample_has_the_tau_of_scipy(pairs: list[tuple[int, int]], seed: int) -> None:
    values, truth = np.array(pairs, dtype=np.float64).T
    drawn = np.random.default_rng(seed).integers(len(values), size=(3, len(values)))
    expected = [kendalltau(values[row], truth[row]).statistic for row in drawn]
    assert taus(values, truth, drawn) == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_at_equal_cost_is_the_mean_of_the_bands_by_their_pairs() -> None:
    bands = np.array([0, 0, 0, 1, 1])
    values, truth = np.array([1.0, 2, 3, 2, 1]), np.array([1.0, 2, 3, 1, 2])
    once = np.arange(5)[None]
    assert banded_taus(values, truth, bands, once) == pytest.approx([(3 * 1.0 + 1 * -1.0) / 4])


def test_a_band_that_a_proxy_cannot_order_counts_as_chance() -> None:
    bands, once = np.array([0, 0, 0, 1, 1]), np.arange(5)[None]
    values, truth = np.array([1.0, 2, 3, 7, 7]), np.array([1.0, 2, 3, 1, 2])
    assert banded_taus(values, truth, bands, once) == pytest.approx([3 / 4])
    assert banded_taus(values, np.array([1.0, 2, 3, 1, 1]), bands, once) == pytest.approx([1.0])


def test_bands_are_equally_full_and_in_order() -> None:
    macs = np.exp(spread(40) / 4)
    bands = cost_bands(macs)
    assert np.bincount(bands).tolist() == [10, 10, 10, 10]
    assert (np.diff(bands[np.argsort(macs)]) >= 0).all()
    assert set(cost_bands(np.full(8, 1e9))) == {0}


def test_the_recall_counts_the_best_tenth() -> None:
    truth = np.arange(20.0)[None]
    half = truth.copy()
    half[0, [0, 19]] = half[0, [19, 0]]  # the best looks worst
    assert recalls(half, truth) == pytest.approx([0.5])
    assert recalls(np.zeros((1, 20)), truth) == pytest.approx([2 / 20])
    assert recalls(np.array([[1.0, 3, 2]]), np.array([[1.0, 2, 3]])) == pytest.approx([0.0])


def test_the_interval_of_a_mean_is_its_usual_error() -> None:
    values = np.random.default_rng(0).normal(size=400)
    low, high = interval(values[draws(400)].mean(axis=1))
    assert float(high - low) == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_an_interval_of_what_is_never_defined_is_none() -> None:
    low, high = interval(np.full((10, 2), np.nan))
    assert np.isnan(low).all() and np.isnan(high).all()
