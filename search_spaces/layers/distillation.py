"""Blocks that set a part of their features aside at every step, and merge the parts at the end."""

import torch
from torch import Tensor, nn

from search_spaces.layers.blueprint import MakesConv, ordinary_conv

AUTHORS_NAMES = (
    *((rf"\bc{i + 1}_d\.", f"distillation.distil.{i}.") for i in range(3)),
    *((rf"\bc{i + 1}_r\.", f"distillation.refine.{i}.") for i in range(3)),
    (r"\bc4\.", "distillation.rest."),
    (r"\bc5\.", "distillation.merge."),
)
"""The names in RFDN and its successors, for a block called `distillation`; see `SearchSpace.authors_names`."""


class FeatureDistillation(nn.Module):
    """The residual feature distillation of RFDN (arXiv 2009.11551); the caller chooses the kinds of convolution.

    Each of `steps` sets `distilled` channels aside (1x1) and refines all channels (3x3, with a skip). At the end a 3x3
    makes the last part, and a 1x1 merges all parts. [N, width, H, W] → the same shape, without a skip around it.
    """

    def __init__(
        self,
        width: int,
        distilled: int,
        *,
        convolution: MakesConv = ordinary_conv,
        pointwise: MakesConv = ordinary_conv,
        activation: nn.Module,
        steps: int = 3,
    ) -> None:
        super().__init__()
        self.distil = nn.ModuleList(pointwise(width, distilled, 1) for _ in range(steps))
        self.refine = nn.ModuleList(convolution(width, width, 3) for _ in range(steps))
        self.rest = convolution(width, distilled, 3)
        self.merge = pointwise((steps + 1) * distilled, width, 1)
        self.activation = activation

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        parts = []
        for distil, refine in zip(self.distil, self.refine, strict=True):
            parts.append(self.activation(distil(features)))
            features = self.activation(refine(features) + features)
        parts.append(self.activation(self.rest(features)))
        return self.merge(torch.cat(parts, dim=1))
