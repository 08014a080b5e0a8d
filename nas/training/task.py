"""The task that a proxy scores candidates on: the user's data, the run's brief recipe, this worker's device."""

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
    """What a brief training brought, as `proxies.proxy.Training` promises it."""

    trained: Trained

    @property
    def psnr(self) -> float:
        """Validation PSNR in dB."""
        return self.trained.validation.psnr

    @property
    def metrics(self) -> Mapping[str, float]:
        """Validation SSIM, the steps made, and where the seconds went."""
        return {
            "ssim": self.trained.validation.ssim,
            "steps": self.trained.steps,
            "train_seconds": self.trained.train_seconds,
            "validation_seconds": self.trained.validation_seconds,
        }

    @property
    def curve(self) -> tuple[Mapping[str, float], ...]:
        """One entry a validation: step, loss, psnr."""
        return self.trained.curve


@dataclass(frozen=True)
class BriefTask:
    """Satisfies `proxies.proxy.Task` for one candidate."""

    data: Dataset
    recipe: Recipe
    seed: int
    device: torch.device
    checkpoint: Path | None = None
    listener: TrainingListener | None = None
    should_stop: Callable[[], bool] = lambda: False
    goes_on: Callable[[int, Measurement], bool] = lambda step, measured: True
    """Asked at each rung whether the candidate is worth more steps."""

    @property
    def steps(self) -> int:
        """How many the brief recipe has."""
        return self.recipe.steps

    def train(self, network: nn.Module, pauses: Sequence[int] = ()) -> BriefResult:
        """Train `network` in place by the brief recipe; see `nas.training.trainer.train` for what it raises."""
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
        """Return the same patches for all candidates: LR [size, 1, p, p] and HR [size, 1, s·p, s·p] in 0..1."""
        sampler = PatchSampler(self.data.train, self.recipe.patch, self.device)
        return sampler.sample(size, torch.Generator().manual_seed(self.recipe.seed))
