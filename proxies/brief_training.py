"""The plain proxy: train for a short while and measure PSNR on the validation images."""

from typing import ClassVar

from torch import nn

from proxies.proxy import Score, Task, register


@register
class BriefTraining:
    """Scores a candidate by its validation PSNR in dB after the run's brief recipe.

    A biased judge: it favours shallow, wide networks, which train fast.
    """

    name: ClassVar[str] = "brief"
    trains: ClassVar[bool] = True

    def score(self, network: nn.Module, task: Task) -> Score:
        """Train `network` in place, then return its PSNR, its SSIM and the curve."""
        training = task.train(network)
        return Score(training.psnr, "dB", training.metrics, training.curve)
