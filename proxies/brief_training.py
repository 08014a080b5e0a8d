"""The proxy that trains briefly and measures PSNR on the validation images."""

from typing import ClassVar

from torch import nn

from proxies.proxy import Score, Task, register


@register
class BriefTraining:
    """Scores a candidate by its validation PSNR in dB after the brief recipe of the run.

    The score is biased towards shallow, wide networks, which train fast.
    """

    name: ClassVar[str] = "brief"
    trains: ClassVar[bool] = True

    def score(self, network: nn.Module, task: Task) -> Score:
        """Train `network` in place, then return its PSNR, its SSIM and the curve."""
        training = task.train(network)
        return Score(training.psnr, "dB", training.metrics, training.curve)
