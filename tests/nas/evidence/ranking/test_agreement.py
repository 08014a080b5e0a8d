import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from nas.evidence.ranking.agreement import Agreement, Ranked, judge
from nas.evidence.statistics import Numbers

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
    for result, sign in ((perfect, 1.0), (reversed_, -1.0)):
        for figure in (result.tau, result.spearman, result.tau_at_equal_cost):
            assert (figure.value, figure.low, figure.high) == pytest.approx((sign, sign, sign))
    assert perfect.recall.value == 1.0
    assert reversed_.recall.value == 0.0


@given(FEW)
@settings(max_examples=60, deadline=None)
def test_tau_and_spearman_are_those_of_scipy(pairs: list[tuple[int, int]]) -> None:
    values, truth = np.array(pairs, dtype=np.float64).T
    result = agreement(values, truth)
    for figure, expected in ((result.tau, kendalltau(values, truth)), (result.spearman, spearmanr(values, truth))):
        assert figure.value == pytest.approx(expected.statistic, nan_ok=True, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_intervals_hold_the_estimate_and_shrink_with_more_networks(seed: int) -> None:
    widths = []
    for count in (20, 200):
        truth = spread(count, seed)
        noisy = truth + count * np.random.default_rng(seed + 100).normal(size=count) / 3
        result = agreement(noisy, truth)
        for figure in (result.tau, result.spearman, result.tau_at_equal_cost):
            assert figure.low <= figure.value <= figure.high
        widths.append(result.tau.high - result.tau.low)
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
    result = agreement(macs, truth, macs)
    assert result.tau.value > 0.8
    assert math.isnan(result.tau_at_equal_cost.value)
    noisy = agreement(macs * (1 + 1e-6 * draws.normal(size=100)), truth, macs)
    assert noisy.tau.value > 0.75
    assert abs(noisy.tau_at_equal_cost.value) < 0.2
    assert noisy.pairs == 4 * 25 * 24 / 2


def test_a_constant_proxy_has_no_order() -> None:
    result = agreement(np.ones(12), spread(12))
    assert all(math.isnan(figure.value) for figure in (result.tau, result.spearman, result.tau_at_equal_cost))
    assert result.recall.value == pytest.approx(2 / 12)
    assert result.to_dict()["tau"] == {"value": None, "low": None, "high": None}


def test_networks_without_a_value_are_left_out() -> None:
    truth = spread(30)
    values = truth.copy()
    values[:10] = math.nan
    result = agreement(values, truth)
    assert (result.networks, result.tau.value, result.seconds) == (20, 1.0, 0.5)


def test_one_network_has_no_order() -> None:
    result = agreement(np.array([1.0, math.nan]), np.array([1.0, 2.0]))
    assert (result.networks, result.pairs) == (1, 0)
    assert math.isnan(result.tau.value) and math.isnan(result.recall.low)
