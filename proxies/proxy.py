"""What a proxy promises and what it is given: a network to score and a task to score it on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from torch import Tensor, nn

from search_spaces.registry import Registry


@dataclass(frozen=True)
class Score:
    """How good a candidate is; a higher `value` is better."""

    value: float
    unit: str
    """What `value` is, e.g. `dB` of PSNR on the validation images."""
    metrics: Mapping[str, float]
    """Whatever else was measured on the way, e.g. ssim, train_seconds."""
    curve: tuple[Mapping[str, float], ...] = ()
    """How the value came about: one entry a validation, with `step` and `psnr`."""


class Training(Protocol):
    """What `Task.train` returns."""

    @property
    def psnr(self) -> float:
        """Validation PSNR in dB after the last step."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Other figures: ssim, steps, train_seconds, validation_seconds."""

    @property
    def curve(self) -> tuple[Mapping[str, float], ...]:
        """One entry a validation: step, loss, psnr."""


class Task(Protocol):
    """The user's problem as a proxy sees it; `nas.training` implements it."""

    @property
    def steps(self) -> int:
        """How many the run's brief recipe has."""

    def train(self, network: nn.Module) -> Training:
        """Train `network` in place by the run's brief recipe, from its checkpoint if there is one."""

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return training patches on the device of the task: LR [size, C, p, p] and HR [size, C, s·p, s·p] in 0..1.

        The same at each call and for each candidate, so that these differ in nothing else.
        """


class Proxy(Protocol):
    """Scores a candidate; reproducible from the seeds of the network and of the task."""

    name: ClassVar[str]
    trains: ClassVar[bool]
    """Whether its score is the PSNR in dB of the trained network; else it only ranks, and may screen candidates."""

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return how good `network` is; a proxy that trains changes it on the way, no other does."""


PROXIES: Registry[Proxy] = Registry("proxy", package="proxies", entry_points="nas.proxies")

ProxyType = TypeVar("ProxyType", bound=type[Proxy])


def register(proxy: ProxyType) -> ProxyType:
    """Class decorator: make a proxy known under its name."""
    PROXIES.add(proxy.name, proxy())
    return proxy
