"""Weights of other networks that a training uses: those of its teacher and of the classifier of features."""

import hashlib
from pathlib import Path

from nas.model import WEIGHTS
from nas.training.losses.perceptual import classifier_file
from nas.training.options import Features
from nas.training.recipe import Recipe
from nas.training.teacher import find_teacher


def borrowed_weights(recipe: Recipe) -> dict[str, str]:
    """Return the SHA-256 of the files that `recipe` names: `teacher` or `features` → digest.

    A training with other weights is another training. Raises InputError for a missing file.
    """
    files: dict[str, Path] = {}
    if recipe.teacher is not None:
        teacher = find_teacher(recipe.teacher)
        files["teacher"] = teacher / WEIGHTS if teacher.is_dir() else teacher
    if "perceptual" in recipe.all_losses:
        files["features"] = classifier_file(recipe.features or Features())
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
