"""PSNR near edges, where super-resolution makes a difference. Most of an infrared image is flat."""

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.metrics.metric import metric
from nas.metrics.pixelwise import PSNR_LIMIT, decibels

EDGE_SHARE = 0.1
"""The share of pixels, those with the steepest gradients, that count as edges."""

EDGE_REACH = 2
"""Number of pixels on each side that belong to an edge, because blur and ringing lie beside the edge."""


@metric("edge-psnr", label="edge PSNR", unit="dB", digits=3, limit=PSNR_LIMIT, least_side=3)
def edge_psnr(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the PSNR over the pixels near edges of the HR image, in dB; over all pixels if it has no gradient.

    The idea is EPSNR (ITU-T J.144), whose edges are gradients above a fixed threshold. The contrast of infrared images
    differs too much for a fixed threshold. Here the edges are the tenth of the pixels with the steepest Sobel gradients
    of the HR image, widened to squares of 5 x 5.
    """
    near = near_edges(hr)
    error = ((sr - hr).square() * near).sum((1, 2, 3)) / near.sum((1, 2, 3))
    return decibels(error, peak)


def near_edges(images: Tensor) -> Tensor:
    """Return 1 near edges and 0 elsewhere, [N, 1, H, W]; all 1 for an image without a gradient."""
    across = images.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    gradient = F.conv2d(padded, torch.stack([across, across.T])[:, None]).square().sum(1, keepdim=True)
    flat = gradient.flatten(1)
    rank = max(int(flat.shape[1] * (1 - EDGE_SHARE)), 1)
    steep = flat.kthvalue(rank, dim=1).values[:, None, None, None]
    edges = (gradient >= steep) & (gradient > 0)
    near = F.max_pool2d(edges.to(images.dtype), 2 * EDGE_REACH + 1, stride=1, padding=EDGE_REACH)
    return torch.where(near.amax((1, 2, 3), keepdim=True) > 0, near, 1)
