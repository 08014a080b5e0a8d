"""DRCN: one convolution applied repeatedly to the enlarged image (Kim et al., arXiv 1511.04491)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.layers.enlarged import Enlarged
from search_spaces.layers.initialisation import keep_variance
from search_spaces.published import Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register


@dataclass(frozen=True)
class DrcnChoices:
    """The choices of `drcn`."""

    image_skip: bool
    width: int
    recursions: int
    embedding_layers: int
    reconstruction_layers: int


class DrcnBody(nn.Module):
    """Embeds the image, then recurses. A shared reconstruction turns each recursion's features into a prediction.

    The output is the sum of the predictions, with a learned weight for each recursion. Each prediction is the residual
    of the enlarged image, except within an `ImageSkip`. The authors' training compares every prediction with the target
    as well.
    """

    def __init__(self, chosen: DrcnChoices, channels: int) -> None:
        super().__init__()
        width, recursions = chosen.width, chosen.recursions
        self.embedding = _rectified([channels, *[width] * (chosen.embedding_layers - 1)], width)
        recursion = conv(width, width)
        self.recursion = nn.Sequential(recursion, nn.ReLU())
        self.reconstruction = _rectified([width] * (chosen.reconstruction_layers - 1), width)
        self.last = conv(width, channels)
        self.weights = nn.Parameter(torch.full((recursions,), 1 / recursions))
        self.recursions = recursions
        self.own_skip = not chosen.image_skip
        for module in (self.embedding, self.recursion, self.reconstruction):
            keep_variance(module)
        # As by the authors: the recursion starts as the identity, so that sixteen steps neither grow nor fade.
        nn.init.dirac_(recursion.weight)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        features = self.embedding(image)
        output = image * self.weights.sum() if self.own_skip else torch.zeros_like(image)
        for i in range(self.recursions):
            features = self.recursion(features)
            output = output + self.weights[i] * self.last(self.reconstruction(features))
        return output


def _rectified(inputs: list[int], width: int) -> nn.Sequential:
    """Return a chain of convolutions to `width` channels, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for channels in inputs:
        layers += [conv(channels, width), nn.ReLU()]
    return nn.Sequential(*layers)


@register
class Drcn(SkippedSpace):
    """Few parameters for its width, and the most multiply-adds of the classic networks."""

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
        chosen = read_choices(DrcnChoices, choices)
        body = DrcnBody(chosen, channels)
        return Enlarged(body, scale, within_skip=chosen.image_skip, skip=False), body.last
