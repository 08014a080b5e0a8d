import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from nas.evidence.ranking.agreement import Agreement, Ranked, judge
from nas.evidence.statistics import Numbers, banded_taus, cost_bands, recalls, taus

FEW = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=25)
"""Values and truths of networks, with many ties."""


def agreement(values: Numbers, truth: Numbers, macs: Numbers | None = None) -> Agreement:
    return judge(Ranked("proxy", values, 0.5), truth, np.arange(1, len(truth) + 1.0) if macs is None else macs)


def spread(count: int, seed: int = 0) -> Numbers:
    return np.random.default_rng(seed).permutation(count).astype(np.float64)


@given(st.integers(16, 60), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_perfect_order_is_one_and_a_reversed_one_minus_one(count: int, seed: int) -> None:
    truth = spread(count, seed)
    perfect, reversed_ = agreement(np.exp(truth / 10), truth), agreement(-truth, truth)
    for one, sign in ((perfect, 1.0), (reversed_, -1.0)):
        for figure in (one.tau, one.spearman, one.tau_at_equal_cost):
            assert (figure.value, figure.low, figure.high) == pytest.approx((sign, sign, sign))
    assert perfect.recall.value == 1.0
    assert reversed_.recall.value == 0.0


@given(FEW)
@settings(max_examples=60, deadline=None)
def test_tau_and_spearman_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    values, truth = np.array(pairs, dtype=np.float64).T
    one = agreement(values, truth)
    for figure, expected in ((one.tau, kendalltau(values, truth)), (one.spearman, spearmanr(values, truth))):
        assert figure.value == pytest.approx(expected.statistic, nan_ok=True, abs=1e-12)


@given(FEW, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_a_drawn_sample_has_the_tau_of_scipy(pairs: list[tuple[int, int]], seed: int) -> None:
    values, truth = np.array(pairs, dtype=np.float64).T
    drawn = np.random.default_rng(seed).integers(len(values), size=(3, len(values)))
    expected = [kendalltau(values[row], truth[row]).statistic for row in drawn]
    assert taus(values, truth, drawn) == pytest.approx(expected, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_intervals_hold_the_estimate_and_shrink_with_more_networks(seed: int) -> None:
    widths = []
    for count in (20, 200):
        truth = spread(count, seed)
        noisy = truth + count * np.random.default_rng(seed + 100).normal(size=count) / 3
        one = agreement(noisy, truth)
        for figure in (one.tau, one.spearman, one.tau_at_equal_cost):
            assert figure.low <= figure.value <= figure.high
        widths.append(one.tau.high - one.tau.low)
    assert widths[1] < widths[0] / 2


def test_an_interval_covers_what_is_true_of_all_networks() -> None:
    draws = np.random.default_rng(0)
    rho, covered = 0.6, 0
    true_tau = 2 / math.pi * math.asin(rho)  # of a bivariate normal distribution
    for _ in range(100):
        both = draws.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=40)
        tau = agreement(both[:, 0], both[:, 1]).tau
        covered += tau.low <= true_tau <= tau.high
    assert covered >= 88


def test_what_follows_the_cost_alone_says_nothing_at_equal_cost() -> None:
    draws = np.random.default_rng(1)
    macs = np.repeat([1e9, 2e9, 4e9, 8e9], 25)
    truth = np.log2(macs) + 0.01 * draws.normal(size=100)
    one = agreement(macs, truth, macs)
    assert one.tau.value > 0.8
    assert math.isnan(one.tau_at_equal_cost.value)
    noisy = agreement(macs * (1 + 1e-6 * draws.normal(size=100)), truth, macs)
    assert noisy.tau.value > 0.75
    assert abs(noisy.tau_at_equal_cost.value) < 0.2
    assert noisy.pairs == 4 * 25 * 24 / 2


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


def test_a_constant_proxy_has_no_order() -> None:
    one = agreement(np.ones(12), spread(12))
    assert all(math.isnan(figure.value) for figure in (one.tau, one.spearman, one.tau_at_equal_cost))
    assert one.recall.value == pytest.approx(2 / 12)
    assert one.to_dict()["tau"] == {"value": None, "low": None, "high": None}


def test_networks_without_a_value_are_left_out() -> None:
    truth = spread(30)
    values = truth.copy()
    values[:10] = math.nan
    one = agreement(values, truth)
    assert (one.networks, one.tau.value, one.seconds) == (20, 1.0, 0.5)


def test_one_network_has_no_order() -> None:
    one = agreement(np.array([1.0, math.nan]), np.array([1.0, 2.0]))
    assert (one.networks, one.pairs) == (1, 0)
    assert math.isnan(one.tau.value) and math.isnan(one.recall.low)
