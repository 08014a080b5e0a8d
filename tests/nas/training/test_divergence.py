from collections.abc import Callable

import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset
from nas.training.divergence import TrainingDivergedError
from nas.training.recipe import Recipe
from nas.training.trainer import train
from search_spaces import Architecture

CPU = torch.device("cpu")
Make = Callable[..., Recipe]


def test_weights_that_are_not_finite_end_the_training(make_recipe: Make, data: Dataset, network: nn.Module) -> None:
    with torch.no_grad():
        next(network.parameters()).fill_(float("inf"))
    with pytest.raises(TrainingDivergedError, match="The loss became nan by step 15"):
        train(network, data, make_recipe(), seed=0, device=CPU)


def test_an_absurd_learning_rate_ends_the_training(
    make_recipe: Make, data: Dataset, architecture: Architecture
) -> None:
    with pytest.raises(TrainingDivergedError, match=r"The loss (exploded to|became) \S+ by step \d+\."):
        train(architecture.build(), data, make_recipe(learning_rate=1e9, steps=60, warmup=0.0), seed=5, device=CPU)


def test_a_bad_start_is_forgiven_during_the_warm_up(make_recipe: Make, data: Dataset, network: nn.Module) -> None:
    with torch.no_grad():
        network.network.last.bias.fill_(50.0)  # a loss of 5
    recipe = make_recipe(steps=40, warmup=0.6, learning_rate=1e-4)
    assert train(network, data, recipe, seed=0, device=CPU).curve[0]["loss"] > 1
    with torch.no_grad():
        network.network.last.bias.fill_(50.0)
    with pytest.raises(TrainingDivergedError, match=r"exploded to (5|4\.9\d|5\.\d+) by step 40"):
        train(network, data, make_recipe(steps=40, warmup=0.0, learning_rate=1e-4), seed=0, device=CPU)
