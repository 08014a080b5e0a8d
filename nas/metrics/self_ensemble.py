"""The self-ensemble: eight results for one, which raises a network's PSNR at eight times its cost."""

import torch
from torch import Tensor

from nas.metrics.measurement import Upscale

TIMES = 8
"""Flips and rotations of an image."""


def self_ensemble(upscale: Upscale) -> Upscale:
    """The mean of what `upscale` makes of the eight flips and rotations of an image, each turned back.

    Timofte et al. 2016 (arXiv:1511.02228); many published figures hide it in a name with a plus.
    """

    def averaged(lr: Tensor) -> Tensor:
        total = torch.zeros(())
        for turns in range(4):
            for mirrored in (lr, lr.flip(-1)):
                result = torch.rot90(upscale(torch.rot90(mirrored, turns, (-2, -1))), -turns, (-2, -1))
                total = total.to(result.device) + (result if mirrored is lr else result.flip(-1))
        return total / TIMES

    return averaged
