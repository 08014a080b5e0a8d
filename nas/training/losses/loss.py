"""What every loss is, and the registry that recipes take them from."""

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
    """What a step has at hand when it asks for losses, float32 on the device."""

    lr: Tensor
    """[N, 1, h, w] in 0..1."""
    hr: Tensor
    """[N, 1, s h, s w] in 0..1."""
    sr: Tensor
    """What the network made of `lr`, shaped as `hr`; not clipped."""


Criterion = Callable[[Batch], Tensor]
"""Returns a scalar to be minimised. It runs at every step: it must not look at the content of a tensor."""


class Learner(ABC):
    """A criterion that learns itself: after each step of the network that it judges, it makes one of its own."""

    learns: ClassVar[str]
    """What it is that learns; names its own loss."""

    @abstractmethod
    def __call__(self, batch: Batch) -> Tensor:
        """Return the network's loss, a scalar; what the learner knows takes no gradient from it."""

    @abstractmethod
    def learn(self, batch: Batch) -> Tensor:
        """Make one step with a batch without gradients; return the learner's own loss, a scalar."""

    @abstractmethod
    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the steps to come to what the network's is."""

    @property
    @abstractmethod
    def networks(self) -> Mapping[str, nn.Module]:
        """Everything with weights that it changes, for checkpoints, by names that nothing else has."""

    @property
    @abstractmethod
    def optimisers(self) -> Mapping[str, torch.optim.Optimizer]:
        """The optimisers of `networks`, likewise."""


@dataclass(frozen=True)
class Setting:
    """What a loss may need to know of the training that it is for."""

    scale: int
    normalisation: Normalisation
    """By which the images are seen, resolved."""
    device: torch.device
    seed: int
    """For the weights of what learns."""
    autocast: Callable[[], AbstractContextManager[object]]
    """The precision in which networks are computed."""
    make_optimiser: Callable[[nn.Module], torch.optim.Optimizer]
    """Return an optimiser as the trained network's."""
    set_learning_rate: Callable[[torch.optim.Optimizer, float], None]
    """How such an optimiser's learning rate is set."""
    average_gradients: Callable[[Sequence[nn.Parameter]], None]
    """To be called between backward and such an optimiser's step; several processes exchange gradients there."""
    features: Features
    adversarial: Adversarial
    teacher: str | None


@dataclass(frozen=True)
class Loss:
    """A kind of loss."""

    make: Callable[[Setting], Criterion]
    worst: float = math.inf
    """What it can't exceed between images in 0..1: a training whose loss does has exploded."""


LOSSES: Registry[Loss] = Registry("loss", "nas.training.losses", "nas.losses")
"""Every loss by its name."""

Maker = Callable[[Setting], Criterion]


def loss(name: str, worst: float = math.inf) -> Callable[[Maker], Maker]:
    """Decorator that registers what makes a criterion: a function or a class that takes the setting.

    Raises ValueError when the name is taken.
    """

    def register(make: Maker) -> Maker:
        LOSSES.add(name, Loss(make, worst))
        return make

    return register


PixelLoss = Callable[[Tensor, Tensor], Tensor]
"""(SR, HR), both [N, 1, H, W] → scalar."""


def pixel_loss(name: str, worst: float = math.inf) -> Callable[[PixelLoss], PixelLoss]:
    """Decorator that registers a function of SR and HR alone. Raises ValueError when the name is taken."""

    def register(function: PixelLoss) -> PixelLoss:
        LOSSES.add(name, Loss(lambda setting: lambda batch: function(batch.sr, batch.hr), worst))
        return function

    return register
