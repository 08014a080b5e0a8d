"""The protocols of losses, and the registry of losses for recipes."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from nas.data.normalisation import Normalisation
from nas.training.options import Adversarial, Features
from search_spaces.registry import Registry


@dataclass(frozen=True)
class Batch:
    """The images of a step, float32 on the device."""

    lr: Tensor
    """[N, 1, h, w] in 0..1."""
    hr: Tensor
    """[N, 1, s h, s w] in 0..1."""
    sr: Tensor
    """The network's output for `lr`, shaped like `hr`, not clipped."""


Criterion = Callable[[Batch], Tensor]
"""Returns a scalar to minimise. It runs at every step, so it must not read the content of a tensor."""


class Learner(ABC):
    """A criterion that learns: after each step of the network it makes its own step."""

    learns: ClassVar[str]
    """The name of the learning network, and of its loss."""

    @abstractmethod
    def __call__(self, batch: Batch) -> Tensor:
        """Return the network's loss, a scalar. The weights of the learner get no gradient from it."""

    @abstractmethod
    def learn(self, batch: Batch) -> Tensor:
        """Make a step with a batch without gradients; return the learner's own loss, a scalar."""

    @abstractmethod
    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the next steps, which is that of the network."""

    @property
    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks that it changes, for checkpoints: unique name → network."""

    @property
    @abstractmethod
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers of `networks`, for checkpoints: unique name → optimiser."""


@dataclass(frozen=True)
class Setting:
    """What a loss may need to know of its training."""

    scale: int
    normalisation: Normalisation
    """The resolved normalisation of the images."""
    device: torch.device
    seed: int
    """The seed for the weights of a learner."""
    autocast: Callable[[], AbstractContextManager[object]]
    """Returns a context in which networks are computed with the precision of the training."""
    make_optimiser: Callable[[nn.Module], torch.optim.Optimizer]
    """Returns an optimiser like the one of the trained network."""
    set_learning_rate: Callable[[torch.optim.Optimizer, float], None]
    """Sets the learning rate of such an optimiser."""
    average_gradients: Callable[[Sequence[nn.Parameter]], None]
    """Call it between backward and the optimiser's step. Several processes exchange gradients there."""
    features: Features
    adversarial: Adversarial
    teacher: str | None


@dataclass(frozen=True)
class Loss:
    """A kind of loss."""

    make: Callable[[Setting], Criterion]
    worst: float = math.inf
    """The largest value between images in 0..1. A training with a larger loss has exploded."""


LOSSES: Registry[Loss] = Registry("loss", "nas.training.losses", "nas.losses")
"""Every loss by its name."""

Maker = Callable[[Setting], Criterion]


def loss(name: str, worst: float = math.inf) -> Callable[[Maker], Maker]:
    """Decorator that registers a function or a class that takes the setting and returns a criterion.

    Raises ValueError if the name is taken.
    """

    def register(make: Maker) -> Maker:
        LOSSES.add(name, Loss(make, worst))
        return make

    return register


PixelLoss = Callable[[Tensor, Tensor], Tensor]
"""(SR, HR), both [N, 1, H, W] → scalar."""


def pixel_loss(name: str, worst: float = math.inf) -> Callable[[PixelLoss], PixelLoss]:
    """Decorator that registers a function of SR and HR. Raises ValueError if the name is taken."""

    def register(function: PixelLoss) -> PixelLoss:
        LOSSES.add(name, Loss(lambda setting: lambda batch: function(batch.sr, batch.hr), worst))
        return function

    return register
