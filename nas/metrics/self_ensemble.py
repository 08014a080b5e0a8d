"""The self-ensemble: the mean of eight results, which raises a network's PSNR at eight times the cost."""

import torch
from torch import Tensor

from nas.metrics.measurement import Upscale

TIMES = 8
"""Number of flips and rotations of an image."""


def self_ensemble(upscale: Upscale) -> Upscale:
    """Return an upscaler that averages the results of `upscale` for the eight flips and rotations of an image.

    The source is Timofte et al. 2016 (arXiv:1511.02228). In many papers a plus after the name stands for it.
    """

    def averaged(lr: Tensor) -> Tensor:
        total = torch.zeros(())
        for turns in range(4):
            for mirrored in (lr, lr.flip(-1)):
                result = torch.rot90(upscale(torch.rot90(mirrored, turns, (-2, -1))), -turns, (-2, -1))
                total = total.to(result.device) + (result if mirrored is lr else result.flip(-1))
        return total / TIMES

    return averaged
