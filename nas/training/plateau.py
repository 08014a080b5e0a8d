"""The plateau of a training: when the validation PSNR stops growing, the training skips to its cool-down."""

from collections.abc import Mapping, Sequence

from nas.errors import InputError
from nas.training.options import Plateau
from nas.training.recipe import Recipe


def next_step(recipe: Recipe, curve: Sequence[Mapping[str, float]]) -> int:
    """Return the step that follows the last validation of `curve`: the next step, or the first of the cool-down.

    The decision follows from the recipe and the curve alone, so a training that was interrupted skips the same steps.
    Only validations within the present cosine of the learning rate count, since a new cosine begins a new climb.
    """
    step = int(curve[-1]["step"])
    if recipe.plateau is None:
        return step
    cosine = recipe.phase_at(step - 1).learning_rate
    cool_down = cosine.end - max(1, round(recipe.plateau.cool_down * (cosine.end - cosine.begin)))
    within = [entry["psnr"] for entry in curve if entry["step"] > cosine.begin]
    return max(step, cool_down) if step < cosine.end and is_reached(recipe.plateau, within) else step


def is_reached(plateau: Plateau, psnr: Sequence[float]) -> bool:
    """Return whether the last `patience` of the validations, in dB, all lack a gain of `min_gain` over the best."""
    best, without = float("-inf"), 0
    for figure in psnr:
        if figure > best + plateau.min_gain:
            best, without = figure, 0
        else:
            without += 1
    return without >= plateau.patience


def check_no_plateau(recipe: Recipe, purpose: str) -> None:
    """Raise InputError if trainings by `recipe` may skip steps, since `purpose` compares networks at equal steps."""
    if recipe.plateau is not None:
        raise InputError(
            f"{purpose} compares networks after the same steps, but the recipe '{recipe.name}' may skip steps; "
            "leave its 'plateau' out."
        )
