"""Models with weights as after a training: nothing is zero, and the output keeps the input's order of magnitude."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nas.model import Model
from nas.training.recipe import load_recipe
from search_spaces import Architecture


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Model]:
    """Return a function from the name of a published point to a model of it."""

    def make(name: str, scale: int = 2, *, image_skip: bool = False) -> Model:
        architecture = Architecture.published(name, scale).replaced(image_skip=image_skip)
        torch.manual_seed(0)
        network = architecture.build().eval()
        for parameter in network.parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_uniform_(parameter, a=1)
            else:
                nn.init.uniform_(parameter, -0.05, 0.05)
        recipe = load_recipe("brief", torch.device("cpu")).model_dump(mode="json")
        return Model(architecture, network, recipe, {"psnr": 33.25, "protocol": "bicubic, shave 2"})

    return make
