"""A training that takes a second: a tiny network on crops of real infrared images."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nas.training.recipe import Recipe
from nas.training.trainer import seed_all
from search_spaces import SPACES, Architecture

CPU = torch.device("cpu")


@pytest.fixture
def architecture() -> Architecture:
    """The smallest network of a space."""
    return Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True})


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    def make(**fields: object) -> Recipe:
        small = {"name": "tiny", "steps": 30, "batch": 2, "patch": 12, "learning_rate": 1e-3, "validations": 2}
        return Recipe.model_validate({**small, "precision": "float32", "normalisation": "type", **fields})

    return make


@pytest.fixture
def network(architecture: Architecture) -> nn.Module:
    seed_all(0)
    return architecture.build()
