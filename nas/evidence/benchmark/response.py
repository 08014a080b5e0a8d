"""The response of a space: PSNR curve and seconds of any network, predicted by a model that is fitted to a table.

A table holds hundreds of networks, and a search draws other networks of the space. As in NAS-Bench-301 (Siems et al.,
2008.09777), a model is fitted to the table and replaces the trainings. A single prediction may be wrong. To compare
searches, the landscape must have the same hills and valleys, and the same noise.
"""

import hashlib
import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from nas.errors import InputError
from nas.evidence.benchmark.models import MODELS, Model
from nas.evidence.statistics import banded_taus, cost_bands, taus
from nas.search.samplers.encoding import Encoding
from nas.table import Row, Table
from search_spaces import SPACES, Choices
from search_spaces.registry import unknown_name

Array = np.ndarray[Any, np.dtype[np.float64]]

LEAST_ROWS = 20
"""Minimum number of trained networks of a space for a fit."""

_FOLDS = 5
_SHAPES = 3
"""Number of principal components of the curves' distances from their last values."""
_OF_MEDIAN = 1.4826
"""Standard deviation of a normal distribution in medians of absolute deviations."""
_COLLAPSE = 6.0
"""A training has collapsed if it is this many times the noise below the best training of its network."""
_RIDGE = tuple(np.logspace(-2, 3, 11))


@dataclass(frozen=True)
class Fidelity:
    """The accuracy of a model on unseen networks, by cross-validation."""

    tau: float
    """Kendall's tau of the PSNR after the last step."""
    tau_in_bands: float
    """Mean of tau within bands of multiply-adds, weighted by their pairs: the part that costs can't explain."""
    rmse: float
    """Root mean square error in dB after the last step."""
    rmse_of_curves: float
    """Root mean square error in dB over all steps of the curves."""


@dataclass(frozen=True)
class Response:
    """Predicts the PSNR curve and the seconds of any network of a space."""

    space: str
    steps: tuple[int, ...]
    rows: int
    """Number of networks that it was fitted to."""
    model: str
    fidelities: Mapping[str, Fidelity]
    """The fidelities of all models that were tried."""
    tau_of_macs: float
    """Kendall's tau between multiply-adds and the PSNR after the last step."""
    r2_of_seconds: float
    """R² of the logarithm of the seconds, by cross-validation; 1 is perfect."""
    noise: float
    """Standard deviation in dB between seeds after the last step; 0 if no network was trained from several seeds.

    It is estimated without outliers: 1.48 times the median of the absolute deviations.
    """
    _encoding: Encoding
    _model: Model
    _shapes: PCA
    _seconds: Any
    _deviations: Array

    def _features(self, choices: Choices, macs: int, params: int) -> Array:
        """Return the features of one network, [1, F]."""
        return np.hstack(self._encoding.blocks([(choices, {"macs": macs, "params": params})]))

    def curve(self, choices: Choices, macs: int, params: int) -> Array:
        """Return the expected PSNR in dB of a training at each of `steps`."""
        features = self._features(choices, macs, params)
        curve: Array = _curves(self._model.predict(features), self._shapes)[0]
        return curve

    def deviation(self, fingerprint: str, seed: int) -> Array:
        """Return the deviation in dB of a training from the expected curve at each of `steps`.

        A network and a seed always have the same deviation. It is a curve of deviations from the table, so the values
        at neighbouring steps are correlated as in real trainings.
        """
        if not len(self._deviations):
            return np.zeros(len(self.steps))
        digest = hashlib.sha256(f"{fingerprint} {seed}".encode()).digest()
        chosen: Array = self._deviations[int.from_bytes(digest[:8]) % len(self._deviations)]
        return chosen

    def seconds(self, choices: Choices, macs: int, params: int) -> tuple[float, float]:
        """Return the seconds of one training step, and of one validation."""
        step, validation = np.exp(self._seconds.predict(self._features(choices, macs, params))[0])
        return float(step), float(validation)


def fit(table: Table, space: str, model: str | None = None) -> Response:
    """Fit the response of a space to its networks in a table.

    `model` None takes the model with the lowest error in cross-validation, except `gp`. Raises InputError if the table
    has too few networks of the space, and UnknownNameError for an unknown model.
    """
    if model is not None and model not in MODELS:
        raise unknown_name("model of a response", model, dict(MODELS))
    rows = [row for row in table.trained if row.network.space == space]
    if len(rows) < LEAST_ROWS:
        raise InputError(
            f"The table has {len(rows)} trained networks of the space '{space}'; at least {LEAST_ROWS} are needed."
        )
    # On several threads, beside other work on the same cores, small matrices take ten times as long.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore", ConvergenceWarning)  # a hyperparameter of the kernel is at its bound
        return _fit(rows, space, model)


def most_frequent_space(table: Table) -> str:
    """Return the space of the table's header with the most trained networks. Raises InputError if none is trained."""
    spaces = Counter(row.network.space for row in table.trained if row.network.space in table.header.spaces)
    if not spaces:
        raise InputError("The table holds no trained network.")
    return spaces.most_common(1)[0][0]


def _fit(rows: Sequence[Row], space: str, model: str | None) -> Response:
    steps = _common_steps(rows)
    encoding = Encoding(SPACES.get(space))
    x = np.hstack(encoding.blocks([(row.network.choices, {"macs": row.macs, "params": row.params}) for row in rows]))
    curves = [_curves_of(row, steps) for row in rows]
    noise, usual, deviations = _apart(curves)
    shapes = PCA(min(_SHAPES, len(steps) - 1), random_state=0).fit(_lacks(usual)) if len(steps) > 1 else None
    targets = _targets(usual, shapes)
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    macs = np.log2([row.macs for row in rows])
    tried = [model] if model else list(MODELS)
    fidelities = {
        name: _fidelity(_curves(cross_val_predict(MODELS[name].make(), x, targets, cv=folds), shapes), usual, macs)
        for name in tried
    }
    eligible = [name for name in tried if model or MODELS[name].may_be_chosen]
    best = min(eligible, key=lambda name: fidelities[name].rmse)
    seconds, r2 = _fit_seconds(x, rows, steps, folds)
    return Response(
        space=space,
        steps=steps,
        rows=len(rows),
        model=best,
        fidelities=fidelities,
        tau_of_macs=float(taus(macs, usual[:, -1], np.arange(len(macs))[None])[0]),
        r2_of_seconds=r2,
        noise=noise,
        _encoding=encoding,
        _model=MODELS[best].make().fit(x, targets),
        _shapes=shapes,
        _seconds=seconds,
        _deviations=deviations,
    )


def _common_steps(rows: Sequence[Row]) -> tuple[int, ...]:
    steps = {tuple(step for step, _ in training.curve) for row in rows for training in row.trained}
    if len(steps) > 1:
        raise InputError("The curves of the table were measured at different steps.")
    return steps.pop()


def _curves_of(row: Row, steps: Sequence[int]) -> Array:
    return np.array([[psnr for _, psnr in training.curve] for training in row.trained]).reshape(-1, len(steps))


def _lacks(curves: Array) -> Array:
    """Return the distance of curves from their last value at each earlier step."""
    return curves[:, -1:] - curves[:, :-1]


def _targets(curves: Array, shapes: PCA | None) -> Array:
    """Return the targets of the models: the last value of a curve, then the components of its shape."""
    last = curves[:, -1:]
    return last if shapes is None else np.hstack([last, shapes.transform(_lacks(curves))])


def _curves(targets: Array, shapes: PCA | None) -> Array:
    """Return the curves of targets: the inverse of `_targets`."""
    targets = targets.reshape(len(targets), -1)
    last = targets[:, :1]
    return last if shapes is None else np.hstack([last - shapes.inverse_transform(targets[:, 1:]), last])


def _fidelity(predicted: Array, measured: Array, macs: Array) -> Fidelity:
    last, truth, once = predicted[:, -1], measured[:, -1], np.arange(len(predicted))[None]
    return Fidelity(
        tau=float(taus(last, truth, once)[0]),
        tau_in_bands=float(banded_taus(last, truth, cost_bands(macs), once)[0]),
        rmse=float(np.sqrt(np.mean((last - truth) ** 2))),
        rmse_of_curves=float(np.sqrt(np.mean((predicted - measured) ** 2))),
    )


def _fit_seconds(x: Array, rows: Sequence[Row], steps: Sequence[int], folds: KFold) -> tuple[Any, float]:
    """Return a log-linear model of the seconds of a step and of a validation, and its R²."""
    per_step = [np.mean([t.training_seconds for t in row.trained]) / steps[-1] for row in rows]
    per_validation = [np.mean([t.validation_seconds for t in row.trained]) / len(steps) for row in rows]
    y = np.log(np.maximum(1e-9, np.column_stack([per_step, per_validation])))
    model = make_pipeline(StandardScaler(), RidgeCV(_RIDGE))
    predicted = cross_val_predict(model, x, y, cv=folds)
    return model.fit(x, y), float(r2_score(y[:, 0], predicted[:, 0]))


def _apart(curves: Sequence[Array]) -> tuple[float, Array, Array]:
    """Return the noise between seeds, the expected curve of each network, and the deviations of trainings from it.

    A collapsed training lies far below the other trainings of its network. It is left out of the expected curve;
    otherwise the other trainings would count as far above it.
    """
    last = [_scaled(c[:, -1:] - c[:, -1:].mean(0), len(c)).ravel() for c in curves if len(c) > 1]
    noise = _OF_MEDIAN * float(np.median(np.abs(np.concatenate(last)))) if last else 0.0
    usual, deviations = [], [np.zeros((0, curves[0].shape[1]))]
    for of_seeds in curves:
        collapsed = of_seeds[:, -1] < of_seeds[:, -1].max() - _COLLAPSE * noise
        level = of_seeds[~collapsed].mean(0)
        usual.append(level)
        if len(of_seeds) > 1:
            deviations += [_scaled(of_seeds[~collapsed] - level, np.sum(~collapsed)), of_seeds[collapsed] - level]
    return noise, np.array(usual), np.concatenate(deviations)


def _scaled(deviations: Array, count: int) -> Array:
    """Return deviations from the mean of `count` values, scaled for the lost degree of freedom (Bessel)."""
    return deviations * math.sqrt(count / max(1, count - 1))
