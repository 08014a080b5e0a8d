"""What a training tells its listeners while it runs, and what it returns at its end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from nas.metrics import Measurement

SAMPLE_SIDE = 256
"""HR pixels on each side of the sample image in a report."""


@dataclass(frozen=True)
class Report:
    """The state of a training. It is sent every `LOSS_WINDOW` steps, at validations, and at the end."""

    step: int
    """Number of steps made or skipped."""
    steps: int
    """Number of steps of the whole training."""
    loss: float
    """The minimised loss: the weighted sum of all losses, as a mean over the steps since the last report."""
    losses: Mapping[str, float]
    """Each loss by its name, without its weight, and the losses of networks that learn beside, such as a discriminator.

    Means like `loss`.
    """
    psnr: float | None
    """The last validation PSNR in dB; None before the first validation."""
    measured: bool
    """Whether `psnr` was measured at this step."""
    learning_rate: float
    """The learning rate of the last step."""
    patches_per_second: float | None
    """Speed since the last report, without validation; None if this process has made no step."""
    seconds: float
    """Seconds of training and validation so far, including those before a stop."""
    began: int
    """The step from which this process continued; 0 in a new training."""
    skipped: int = 0
    """Number of steps that this process skipped at a plateau."""
    sample: Tensor | None = None
    """The centre of the first validation image, upscaled, [1, H, W] in 0..1; None if nothing was measured."""


TrainingListener = Callable[[Report], None]
"""Receives the reports of a training."""


@dataclass(frozen=True)
class Trained:
    """The result of a training that is complete, or paused at a rung."""

    validation: Measurement
    """The last validation."""
    curve: tuple[dict[str, float], ...]
    """One entry for each validation: step, loss (mean of at most `LOSS_WINDOW` steps before), psnr in dB."""
    steps: int
    """Number of steps made."""
    train_seconds: float
    validation_seconds: float
    skipped: int = 0
    """Number of steps skipped at a plateau."""
