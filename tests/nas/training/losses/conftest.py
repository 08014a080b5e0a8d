"""What losses are tried on: a setting without options, and random patches."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.normalisation import TYPE
from nas.features import CLASSIFIERS
from nas.model import Model
from nas.training.losses import LOSSES, Batch, Criterion, Setting
from nas.training.options import Adversarial, Features
from search_spaces import Architecture

CPU = torch.device("cpu")
Make = Callable[..., Criterion]


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a VGG19 that has learned nothing."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("classifier") / "vgg19.pth"
    state = nn.Sequential(*CLASSIFIERS["vgg19"]().values()).state_dict()
    torch.save({f"features.{name}": tensor for name, tensor in state.items()}, path)
    return path


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """The model directory of an untrained network."""
    torch.manual_seed(1)
    architecture = Architecture.published("ecbsr/M4C8", channels=1)
    Model(architecture, architecture.build(), {}, {}).save(tmp_path / "teacher")
    return tmp_path / "teacher"


@pytest.fixture
def make() -> Make:
    """Return a function that makes a loss by its name, some options given."""

    def made(name: str, **options: object) -> Criterion:
        def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
            optimiser.param_groups[0]["lr"] = rate

        setting = {
            "scale": 2,
            "normalisation": TYPE,
            "device": CPU,
            "seed": 0,
            "autocast": nullcontext,
            # As on CUDA: the implementation that looks at no tensor.
            "make_optimiser": lambda network: torch.optim.Adam(
                network.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True
            ),
            "set_learning_rate": set_learning_rate,
            "average_gradients": lambda parameters: None,
            "features": Features(layers={"conv1_2": 1.0}),
            "adversarial": Adversarial(width=4),
            "teacher": None,
        }
        return LOSSES.get(name).make(Setting(**{**setting, **options}))

    return made


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(3)
    lr, hr, noise = (torch.rand(2, 1, side, side, generator=generator) for side in (12, 24, 24))
    return Batch(lr, hr, (hr + 0.1 * (noise - 0.5)).requires_grad_())
