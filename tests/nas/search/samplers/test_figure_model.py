import numpy as np
import pytest
from scipy.stats import kendalltau

from nas.search.samplers.encoding import Encoding
from nas.search.samplers.figure_model import FigureModel, fitted_line
from search_spaces import SPACES, Choices

Network = tuple[Choices, dict[str, float]]


def flat(count: int) -> np.ndarray:
    """Networks of equal cost."""
    return np.zeros(count)


def test_a_search_believes_a_prior_that_its_networks_confirm() -> None:
    rng = np.random.default_rng(0)
    prior = rng.normal(size=20)
    line = fitted_line(flat(20), prior, 35.0 + 0.8 * prior + 0.1 * rng.normal(size=20))
    assert line.trust == pytest.approx(0.8, abs=0.1)
    assert line.at(flat(1), np.zeros(1)) == pytest.approx(35.0, abs=0.1)


def test_a_search_forgets_a_prior_that_says_nothing() -> None:
    rng = np.random.default_rng(0)
    trusts = [fitted_line(flat(40), rng.normal(size=40), rng.normal(size=40)).trust for _ in range(20)]
    assert np.mean(trusts) < 0.2


@pytest.mark.parametrize(("correlation", "least", "most"), [(0.0, 0.0, 0.15), (0.8, 0.6, 0.8)])
def test_eight_networks_tell_a_prior_that_helps_from_one_that_says_nothing(
    correlation: float, least: float, most: float
) -> None:
    rng, trusts = np.random.default_rng(0), []
    for _ in range(300):
        prior = rng.normal(size=8)
        figures = correlation * prior + (1 - correlation**2) ** 0.5 * rng.normal(size=8)
        trusts.append(fitted_line(flat(8), prior, figures).trust)
    assert least < np.mean(trusts) < most


def test_before_a_search_has_networks_its_prior_is_trusted() -> None:
    assert fitted_line(np.zeros(0), np.zeros(0), np.zeros(0)).trust > 0
    single = fitted_line(np.array([32.0]), np.array([1.0]), np.array([36.0]))
    assert single.at(np.array([32.0]), np.array([1.0])) == pytest.approx(36.0)


def test_a_prior_that_contradicts_the_search_is_never_turned_round() -> None:
    prior = np.linspace(-1, 1, 20)
    assert fitted_line(flat(20), prior, -prior).trust == 0


def test_more_multiply_adds_are_expected_to_be_better_until_networks_say_otherwise() -> None:
    octaves, nothing = np.linspace(30, 33, 20), np.zeros(20)
    assert fitted_line(octaves[:1], nothing[:1], np.array([36.0])).per_octave > 0
    assert fitted_line(octaves, nothing, 0.1 * octaves).per_octave == pytest.approx(0.1, rel=0.2)
    assert fitted_line(octaves, nothing, -0.1 * octaves).per_octave < 0


def networks(count: int, seed: int) -> tuple[list[Network], np.ndarray]:
    """Random networks of `ecbsr` at random costs, and figures that follow from the cost and a little from the width."""
    space, rng = SPACES.get("ecbsr"), np.random.default_rng(seed)
    some: list[Network] = []
    for _ in range(count):
        choices = {name: values[int(rng.integers(len(values)))] for name, values in space.options.items()}
        macs = float(2 ** rng.uniform(30, 34))
        some.append((choices, {"macs": macs, "params": macs / 1e5}))
    figures = [30 + 0.2 * np.log2(costs["macs"]) + 0.002 * float(str(choices["width"])) for choices, costs in some]
    return some, np.array(figures) + rng.normal(0, 0.05, count)


@pytest.mark.parametrize("known", [8, 16, 32])
def test_with_few_networks_the_order_is_no_worse_than_that_of_the_cost(known: int) -> None:
    encoding, taus = Encoding(SPACES.get("ecbsr")), []
    for seed in range(5):
        (some, figures), (others, truth) = networks(known, seed), networks(60, seed + 100)
        expected, _ = FigureModel(None, encoding, some, figures).predict(others)
        by_cost = kendalltau([costs["macs"] for _, costs in others], truth).statistic
        taus.append(kendalltau(expected, truth).statistic - by_cost)
    assert np.mean(taus) > -0.02


def test_a_prior_says_what_is_good_at_equal_cost() -> None:
    encoding = Encoding(SPACES.get("ecbsr"))
    earlier, gains = networks(60, 0)
    prior = FigureModel(None, encoding, earlier, (gains - gains.mean()) / gains.std())
    wide, narrow = ({**earlier[0][0], "width": width} for width in (64, 8))
    costs = {"macs": 2.0**32, "params": 1e4}
    assert prior.beside_cost([(wide, costs)]) > prior.beside_cost([(narrow, costs)])
    fresh = FigureModel(prior, encoding, [], np.zeros(0))
    assert fresh.predict([(wide, costs)])[0] > fresh.predict([(narrow, costs)])[0]
    assert fresh.predict([(wide, costs)])[1] > 0, "nothing was measured yet"
