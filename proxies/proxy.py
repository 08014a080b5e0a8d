"""The protocols of a proxy and of the task on which it scores a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from torch import Tensor, nn

from search_spaces.registry import Registry


@dataclass(frozen=True)
class Score:
    """The score of a candidate; a higher `value` is better."""

    value: float
    unit: str
    """The unit of `value`, such as `dB`."""
    metrics: Mapping[str, float]
    """Other measured figures, such as ssim and train_seconds."""
    curve: tuple[Mapping[str, float], ...] = ()
    """An entry with `step` and `psnr` for each validation."""


class Training(Protocol):
    """The result of `Task.train`."""

    @property
    def psnr(self) -> float:
        """Validation PSNR in dB after the last step."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Other figures: ssim, steps, train_seconds, validation_seconds."""

    @property
    def curve(self) -> tuple[Mapping[str, float], ...]:
        """One entry for each validation: step, loss, psnr in dB."""


class Task(Protocol):
    """The user's images and brief recipe, as a proxy sees them. `nas.training` implements it."""

    @property
    def steps(self) -> int:
        """Number of steps of the brief recipe."""

    def train(self, network: nn.Module) -> Training:
        """Train `network` in place by the brief recipe, from its checkpoint if there is a checkpoint."""

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return training patches on the device of the task: LR [size, C, p, p] and HR [size, C, s·p, s·p] in 0..1.

        They are the same at each call and for each candidate, so that scores differ only by the candidates.
        """


class Proxy(Protocol):
    """Scores candidates. A score is reproducible from the seeds of the network and of the task."""

    name: ClassVar[str]
    trains: ClassVar[bool]
    """Whether the score is the PSNR in dB of the trained network. Otherwise it only ranks, and can screen."""

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return the score of `network`. Only a proxy that trains changes the network."""


PROXIES: Registry[Proxy] = Registry("proxy", package="proxies", entry_points="nas.proxies")

ProxyType = TypeVar("ProxyType", bound=type[Proxy])


def register(proxy: ProxyType) -> ProxyType:
    """Class decorator that registers a proxy under its name."""
    PROXIES.add(proxy.name, proxy())
    return proxy
