"""Asynchronous successive halving: every candidate is trained for a fraction of the steps, the best go on."""

from typing import ClassVar

from torch import nn

from proxies.proxy import Score, Task, register


@register
class Halving:
    """Scores as `brief` does, but puts a candidate on hold on a rung where it is not among the best third.

    Whether it is, the search decides by comparing it with all that have been on the same rung (Li et al. 2018,
    1810.05934), by their Pareto ranks (Schmucker et al. 2021, 2106.12639); it may be promoted later.
    """

    name: ClassVar[str] = "halving"
    trains: ClassVar[bool] = True
    reduction: ClassVar[int] = 3
    levels: ClassVar[int] = 3
    """Trainings of a ninth, a third and all of the steps."""

    def rungs(self, steps: int) -> tuple[int, ...]:
        """Return the steps at which a training may be put on hold; a short one has fewer."""
        shares = (self.reduction**level for level in range(self.levels - 1, 0, -1))
        return tuple(sorted({steps // share for share in shares} - {0}))

    def score(self, network: nn.Module, task: Task) -> Score:
        """Train `network` in place as far as it is promoted; return its PSNR there, its SSIM and the curve."""
        training = task.train(network, self.rungs(task.steps))
        is_final = training.metrics["steps"] >= task.steps
        return Score(training.psnr, "dB", training.metrics, training.curve, is_final)
