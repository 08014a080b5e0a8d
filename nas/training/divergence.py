"""Noticing a training that diverges."""

import math
from collections.abc import Mapping

from nas.errors import NetworkError
from nas.training.losses import LOSSES
from nas.training.recipe import Recipe


class TrainingDivergedError(NetworkError):
    """The loss became NaN, infinite or far too large."""


def check_losses(losses: Mapping[str, float], recipe: Recipe, step: int, window: int) -> None:
    """Raise TrainingDivergedError if a loss is NaN or infinite, or after the warm-up larger than images allow.

    `losses` are means over the last `window` steps, by their names; `loss` is the weighted sum of the others.
    """
    if not math.isfinite(losses["loss"]):
        raise TrainingDivergedError(f"The loss became {losses['loss']} by step {step}.")
    if step <= recipe.rise + window:
        return
    for name in recipe.phase_at(step - 1).losses:
        if losses[name] > LOSSES.get(name).worst:
            raise TrainingDivergedError(f"The loss '{name}' exploded to {losses[name]:.3g} by step {step}.")
