"""Plain networks for phones and cameras: a chain of 3x3 convolutions at the low resolution, and one pixel shuffle."""

from collections.abc import Sequence
from itertools import groupby, pairwise

from torch import Tensor, nn

from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.part import Part


class PlainNetwork(nn.Module):
    """Convolutions with an activation after each but the last, a pixel shuffle, perhaps a skip and a clip to 0..1.

    `body` holds convolutions and activations in turn, the last convolution at its end.
    """

    def __init__(
        self,
        widths: Sequence[int],
        act: str,
        scale: int,
        *,
        own_skip: nn.Module | None = None,
        clipped: bool = False,
    ) -> None:
        """`widths` are the channels of image, features and output before the shuffle: C, …, C·scale².

        `act` is a name that `activation` knows, or `clipped` (ReLU up to 1). `own_skip` maps [N, C, H, W] → [N, C,
        scale·H, scale·W]; its output is added.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [conv(inputs, outputs), _activation(act, outputs)]
        self.body = nn.Sequential(*layers[:-1])
        self.shuffle = nn.PixelShuffle(scale)
        self.own_skip = own_skip
        self.clip = nn.Hardtanh(0, 1) if clipped else None

    @property
    def convs(self) -> list[nn.Conv2d]:
        """The convolutions of the chain."""
        return [layer for layer in self.body if isinstance(layer, nn.Conv2d)]

    @property
    def last(self) -> nn.Conv2d:
        """The convolution that writes the image."""
        return self.convs[-1]

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        output = self.shuffle(self.body(image))
        if self.own_skip is not None:
            output = output + self.own_skip(image)
        return output if self.clip is None else self.clip(output)


def plain_parts(widths: Sequence[int], act: str) -> list[Part]:
    """Return the layers of a `PlainNetwork` as parts, without its skip."""
    *layers, (inputs, outputs) = pairwise(widths)
    parts = []
    for (before, after), equal in groupby(layers):
        parts.append(Part(_activated, (before, after, act), before, repeats=len(list(equal))))
    return [*parts, Part(conv, (inputs, outputs), inputs)]


def _activated(inputs: int, outputs: int, act: str) -> nn.Module:
    return nn.Sequential(conv(inputs, outputs), _activation(act, outputs))


def _activation(name: str, width: int) -> nn.Module:
    return nn.Hardtanh(0, 1) if name == "clipped" else activation(name, width)
