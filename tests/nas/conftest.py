"""Models as after a training, and a space of tiny denoisers, for tests of all that comes before and after them."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from nas.data.dataset import Dataset, open_dataset
from nas.model import Model
from nas.training.recipe import load_recipe
from search_spaces import SPACES, Architecture, Choice, Choices, SearchSpace, Values


class _Smooth(nn.Module):
    """Takes away what a convolution finds; where it is told the level of the noise, in proportion to it."""

    def __init__(self, channels: int, is_told: bool) -> None:
        super().__init__()
        self.find = nn.Conv2d(channels, channels, 3, padding=1)
        if is_told:
            self.noise = 15 / 255

    def forward(self, image: Tensor) -> Tensor:
        return image - getattr(self, "noise", 15 / 255) * self.find(image)


class _Smoothing(SearchSpace):
    """One convolution."""

    name: ClassVar[str] = "smoothing"
    summary: ClassVar[str] = "one convolution that finds noise"
    scales: ClassVar[tuple[int, ...]] = (1,)
    minimum_side: ClassVar[int] = 2
    options: ClassVar[dict[str, Values]] = {"is_told": (False, True)}
    smallest: ClassVar[Choices] = {"is_told": False}

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        return _Smooth(channels, bool(choices["is_told"]))


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Dataset:
    return open_dataset(tiny_data, scale=2, cache=tmp_path / "cache", min_lr_side=12)


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Model]:
    """Return a function from the name of a published point to a model of it.

    Its weights are as after a training: nothing is zero, and the output keeps the input's order of magnitude.
    """

    def make(name: str, scale: int = 2, *, image_skip: Choice = False, **others: Choice) -> Model:
        architecture = Architecture.published(name, scale).replaced(image_skip=image_skip, **others)
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


@pytest.fixture
def make_denoiser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a denoiser with random weights, told the level of the noise or not, to a folder."""
    SPACES.names()  # so that they are loaded before
    monkeypatch.setitem(SPACES._members, "smoothing", _Smoothing())

    def make(name: str = "denoiser", *, is_told: bool = False, channels: int = 1, seed: int = 0) -> Path:
        torch.manual_seed(seed)
        architecture = Architecture("smoothing", 1, channels, {"is_told": is_told})
        recipe = load_recipe("denoise", torch.device("cpu")).model_dump(mode="json")
        Model(architecture, architecture.build(), recipe, {}).save(tmp_path / name)
        return tmp_path / name

    return make
