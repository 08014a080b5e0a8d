"""Gates over space, computed from a wide neighbourhood at a low resolution."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.blueprint import MakesConv, ordinary_conv

POOL, STEP = 7, 3
"""Window and stride of the pooling."""

AUTHORS_NAMES = (
    (r"\besa\.conv1\.", "spatial.squeeze."),
    (r"\besa\.conv_f\.", "spatial.shortcut."),
    (r"\besa\.conv2\.", "spatial.reduce."),
    (r"\besa\.conv_max\.", "spatial.body.0."),
    (r"\besa\.conv3\.", "spatial.body.2."),
    (r"\besa\.conv3_\.", "spatial.body.4."),
    (r"\besa\.conv4\.", "spatial.expand."),
)
"""The names in RFDN and its successors, for a block called `spatial`; see `SearchSpace.authors_names`."""


class EnhancedSpatialAttention(nn.Module):
    """One factor per pixel and channel from a wide neighbourhood (ESA: RFANet, then RFDN, arXiv 2009.11551).

    A 1x1 to few channels, a convolution of stride 2, max-pooling of 7x7 in steps of 3, `depth` convolutions with
    `activation` between them, interpolated back; plus a 1x1 of the squeezed map; a 1x1 to all channels; sigmoid. [N,
    width, H, W] → the same shape, for any H and W.
    """

    def __init__(
        self,
        width: int,
        squeezed: int,
        *,
        convolution: MakesConv = ordinary_conv,
        reduction: MakesConv | None = None,
        pointwise: MakesConv = ordinary_conv,
        padding: int = 0,
        depth: int = 3,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        """`reduction` makes the convolution of stride 2 (None: like the others); `padding` is the padding of it."""
        super().__init__()
        self.squeeze = pointwise(width, squeezed, 1)
        self.shortcut = pointwise(squeezed, squeezed, 1)
        self.reduce = (reduction or convolution)(squeezed, squeezed, 3, stride=2, padding=padding)
        layers: list[nn.Module] = []
        for _ in range(depth):
            layers += [convolution(squeezed, squeezed, 3), activation()]
        self.body = nn.Sequential(*layers[:-1])
        self.expand = pointwise(squeezed, width, 1)
        self.least = 2 * POOL + 1 - 2 * padding
        """Side of the smallest image that fills one pooling window."""

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        squeezed = self.squeeze(features)
        reduced = self.reduce(at_least(squeezed, self.least))
        coarse = self.body(F.max_pool2d(reduced, POOL, STEP))
        gate = self.expand(interpolated(coarse, features) + self.shortcut(squeezed))
        return features * torch.sigmoid(gate)


def at_least(features: Tensor, side: int) -> Tensor:
    """Pad an image smaller than `side` x `side` with its last row and column; return others unchanged.

    An exported network takes only images of at least that side, so it contains no padding for small images.
    """
    height, width = features.shape[-2:]
    if height >= side and width >= side:
        return features
    return F.pad(features, (0, max(0, side - width), 0, max(0, side - height)), mode="replicate")


def interpolated(coarse: Tensor, features: Tensor) -> Tensor:
    """[N, C, h, w] → [N, C, H, W], the height and width of `features`, bilinearly."""
    return F.interpolate(coarse, size=features.shape[-2:], mode="bilinear", align_corners=False)
