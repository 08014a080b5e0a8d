"""JPEG's blocks of 8 x 8 pixels: their cosine transform, and the visibility of each frequency."""

import math

import torch
from torch import Tensor

BLOCK = 8
"""The side of a block in pixels."""

LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
"""Quantisation steps of the frequencies of a block at quality 50 (ITU-T T.81, table K.1)."""


def cosines(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the orthonormal basis of the discrete cosine transform (DCT-II) of 8 values: [frequency, position]."""
    place = torch.arange(BLOCK, dtype=torch.float64)
    basis = torch.cos(torch.pi / BLOCK * place[:, None] * (place + 0.5)) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    return basis.to(device, dtype)
