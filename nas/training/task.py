"""The task that a proxy scores candidates on: the images, the brief recipe of the run, and the worker's device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.data.dataset import Dataset
from nas.data.patches import PatchSampler
from nas.metrics import Measurement
from nas.training.recipe import Recipe
from nas.training.report import Trained, TrainingListener
from nas.training.trainer import Pauses, train


@dataclass(frozen=True)
class BriefResult:
    """The result of a brief training. It implements the protocol `proxies.proxy.Training`."""

    trained: Trained

    @property
    def psnr(self) -> float:
        """Validation PSNR in dB."""
        return self.trained.validation.psnr

    @property
    def metrics(self) -> Mapping[str, float]:
        """Validation SSIM, number of steps, and seconds of training and validation."""
        return {
            "ssim": self.trained.validation.ssim,
            "steps": self.trained.steps,
            "train_seconds": self.trained.train_seconds,
            "validation_seconds": self.trained.validation_seconds,
        }

    @property
    def curve(self) -> tuple[Mapping[str, float], ...]:
        """One entry for each validation: step, loss, psnr in dB."""
        return self.trained.curve


@dataclass(frozen=True)
class BriefTask:
    """The task of one candidate. It implements the protocol `proxies.proxy.Task`."""

    data: Dataset
    recipe: Recipe
    seed: int
    device: torch.device
    checkpoint: Path | None = None
    listener: TrainingListener | None = None
    should_stop: Callable[[], bool] = lambda: False
    goes_on: Callable[[int, Measurement], bool] = lambda step, measured: True
    """(step, validation PSNR and SSIM) → whether the candidate gets more steps; called at each rung."""

    @property
    def steps(self) -> int:
        """Number of steps of the brief recipe."""
        return self.recipe.steps

    def train(self, network: nn.Module, pauses: Sequence[int] = ()) -> BriefResult:
        """Train `network` in place by the brief recipe. Raises errors as `nas.training.trainer.train` does."""
        return BriefResult(
            train(
                network,
                self.data,
                self.recipe,
                seed=self.seed,
                device=self.device,
                checkpoint=self.checkpoint,
                listener=self.listener,
                should_stop=self.should_stop,
                pauses=Pauses(tuple(pauses), self.goes_on),
            )
        )

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Return LR [size, 1, p, p] and HR [size, 1, s·p, s·p] patches in 0..1, the same for all candidates."""
        sampler = PatchSampler(self.data.train, self.recipe.patch, self.device)
        return sampler.sample(size, torch.Generator().manual_seed(self.recipe.seed))
