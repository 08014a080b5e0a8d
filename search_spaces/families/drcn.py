"""DRCN: one convolution applied again and again to the enlarged image (Kim et al., arXiv 1511.04491)."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from search_spaces.choices import Choices, Values
from search_spaces.layers.conv import conv
from search_spaces.layers.enlarged import Enlarged
from search_spaces.layers.initialisation import keep_variance
from search_spaces.published import Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


class DrcnBody(nn.Module):
    """Embed, then recurse; every recursion's features are reconstructed to a prediction, and the output is their sum.

    The reconstruction is shared and the sum has a learned weight for each recursion. Where `skip`, each prediction is
    what the image lacks. The authors' training compares every prediction with the target as well.
    """

    def __init__(self, choices: Choices, channels: int, *, skip: bool) -> None:
        super().__init__()
        names = ("width", "recursions", "embedding_layers", "reconstruction_layers")
        width, recursions, before, after = (cast(int, choices[name]) for name in names)
        inputs = [channels] + [width] * (before - 1)
        self.embedding = nn.Sequential(*(layer for n in inputs for layer in (conv(n, width), nn.ReLU())))
        self.recursion = nn.Sequential(conv(width, width), nn.ReLU())
        reconstruction = [layer for _ in range(after - 1) for layer in (conv(width, width), nn.ReLU())]
        self.reconstruction = nn.Sequential(*reconstruction)
        self.last = conv(width, channels)
        self.weights = nn.Parameter(torch.full((recursions,), 1 / recursions))
        self.recursions = recursions
        self.skip = skip
        for module in (self.embedding, self.recursion, self.reconstruction):
            keep_variance(module)
        # As the authors do: the recursion starts as the identity, so that sixteen of them neither grow nor fade.
        nn.init.dirac_(cast(nn.Conv2d, self.recursion[0]).weight)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        features = cast(Tensor, self.embedding(image))
        output = image * self.weights.sum() if self.skip else torch.zeros_like(image)
        for i in range(self.recursions):
            features = self.recursion(features)
            output = output + self.weights[i] * cast(Tensor, self.last(self.reconstruction(features)))
        return output


@register
class Drcn(SkippedSpace):
    """Few weights for their width, and the dearest of the classic networks in multiply-adds."""

    name: ClassVar[str] = "drcn"
    summary: ClassVar[str] = "one recursive convolution and an ensemble over its recursions (2016)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(16, 257, 16),
        "recursions": range(1, 21),
        "embedding_layers": range(1, 5),
        "reconstruction_layers": range(1, 5),
    }
    smallest: ClassVar[Choices] = {
        "image_skip": False,
        "width": 16,
        "recursions": 1,
        "embedding_layers": 1,
        "reconstruction_layers": 1,
    }
    published: ClassVar = {
        "DRCN": Published(
            {
                "image_skip": False,
                "width": 256,
                "recursions": 16,
                "embedding_layers": 2,
                "reconstruction_layers": 2,
            },
            Claim("arXiv 1511.04491; table of CARN (arXiv 1803.08664)", 1_774_000, 17_974_300_000_000, 37.63),
        ),
    }

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and the last convolution of its reconstruction."""
        within = bool(choices["image_skip"])
        body = DrcnBody(choices, channels, skip=not within)
        return Enlarged(body, scale, plain=within, skip=False), body.last
