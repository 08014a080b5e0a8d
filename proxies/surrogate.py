"""A surrogate: predicts what a training would measure from the numbers of a network, and how sure it is of that.

It learns from the networks that a run has trained already, so it can't score one by itself and isn't registered as a
proxy: `nas search --screen surrogate` chooses by it what to train.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Predict = Callable[[Array], tuple[Array, Array]]

MOST_TUNED = 150
"""The Gaussian process finds its length scale on at most so many networks: its time grows with the cube of them."""


class Surrogate:
    """Regression of one figure on the features of networks, with uncertainty, by one of `MODELS`.

    The default is the Gaussian process: left out one by one, the 33 and 26 networks of two searches in `hybrid` and
    `falsr` (300 steps each) are ranked with a Kendall's tau of 0.48 and 0.53, by extremely randomised trees of 0.41
    and 0.23, by random forests of 0.31 and 0.35, and by the multiply-adds alone of 0.29 and 0.54.
    """

    def __init__(self, model: str = "gp", seed: int = 0) -> None:
        self._fit = MODELS[model]
        self._seed = seed

    def fit(self, blocks: Sequence[Array], figures: Array) -> "Surrogate":
        """Learn from blocks of features, each [N, D], and [N] figures; returns itself.

        Each block weighs as much as the others, however many columns it has.
        """
        self._scales = [_scale(block) for block in blocks]
        self._predict = self._fit(self._scaled(blocks), _fenced(figures), self._seed)
        return self

    def predict(self, blocks: Sequence[Array]) -> tuple[Array, Array]:
        """Return the expected figures of M networks and their standard deviations, both [M]."""
        return self._predict(self._scaled(blocks))

    def _scaled(self, blocks: Sequence[Array]) -> Array:
        return np.hstack([(block - mean) / scale for block, (mean, scale) in zip(blocks, self._scales, strict=True)])


def _scale(block: Array) -> tuple[Array, Array]:
    deviation = block.std(axis=0)
    varied = deviation > 0
    return block.mean(axis=0), np.where(varied, deviation, 1.0) * max(1, varied.sum()) ** 0.5


def _fenced(figures: Array) -> Array:
    """Lift figures far below the others to Tukey's fence: how bad a failure is says nothing of the good ones."""
    low, high = np.percentile(figures, [25, 75])
    fenced: Array = np.maximum(figures, low - 1.5 * (high - low))
    return fenced


def _gaussian_process(features: Array, figures: Array, seed: int) -> Predict:
    # These import slowly, and only a surrogate needs them.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(2.0, (1.0, 100.0), nu=2.5) + WhiteKernel(0.2, (1e-2, 1.0))
    few = np.random.default_rng(seed).permutation(len(figures))[:MOST_TUNED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # at a bound: few networks don't tell more
        tuned = GaussianProcessRegressor(kernel, normalize_y=True).fit(features[few], figures[few])
    process = GaussianProcessRegressor(tuned.kernel_, optimizer=None, normalize_y=True).fit(features, figures)

    def predict(asked: Array) -> tuple[Array, Array]:
        mean, deviation = process.predict(asked, return_std=True)
        return mean, deviation

    return predict


def _forest(features: Array, figures: Array, seed: int) -> Predict:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(100, min_samples_leaf=2, max_features=0.5, random_state=seed)
    return _spread(forest.fit(features, figures).estimators_)


def _boosted_trees(features: Array, figures: Array, seed: int) -> Predict:
    from sklearn.ensemble import BaggingRegressor, GradientBoostingRegressor

    boosted = GradientBoostingRegressor(n_estimators=60, max_depth=3)
    return _spread(BaggingRegressor(boosted, n_estimators=8, random_state=seed).fit(features, figures).estimators_)


def _spread(members: Sequence[Any]) -> Predict:
    """Take the mean of an ensemble for the figure, and how its members differ for the uncertainty."""

    def predict(asked: Array) -> tuple[Array, Array]:
        each = np.array([member.predict(asked) for member in members])
        return each.mean(axis=0), each.std(axis=0)

    return predict


MODELS: dict[str, Callable[[Array, Array, int], Predict]] = {
    "gp": _gaussian_process,
    "forest": _forest,
    "boosted": _boosted_trees,
}
