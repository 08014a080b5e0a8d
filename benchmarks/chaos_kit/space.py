"""Thirty-six tiny networks with seven published ones, which idle at each step as long as CHAOS_IDLE_MS says."""

import os
import time
from typing import ClassVar

from torch import Tensor, nn

from search_spaces import Choices, Claim, Published, SearchSpace, Values, register

NOWHERE = Claim("nowhere")


class _Idle(nn.Module):
    """Takes its time in training, but no processor."""

    def forward(self, image: Tensor) -> Tensor:
        if self.training and image.device.type != "meta":
            time.sleep(float(os.environ.get("CHAOS_IDLE_MS", "0")) / 1000)
        return image


@register
class Drops(SearchSpace):
    """One to three convolutions of one to six channels, then one that enlarges."""

    name: ClassVar[str] = "drops"
    summary: ClassVar[str] = "a few convolutions"
    smallest: ClassVar[Choices] = {"width": 1, "depth": 1, "kernel": 1}
    options: ClassVar[dict[str, Values]] = {"width": range(1, 7), "depth": range(1, 4), "kernel": (1, 3)}
    published: ClassVar = {
        f"Drops-W{width}D{depth}K{kernel}": Published({"width": width, "depth": depth, "kernel": kernel}, NOWHERE)
        for width, depth, kernel in ((1, 1, 3), (2, 1, 3), (2, 3, 1), (3, 2, 3), (4, 1, 1), (5, 2, 3), (6, 3, 3))
    }

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network of these choices."""
        width, depth, kernel = (int(choices[name]) for name in ("width", "depth", "kernel"))
        layers: list[nn.Module] = [_Idle()]
        for inputs in (channels, *[width] * (depth - 1)):
            layers += [nn.Conv2d(inputs, width, kernel, padding="same"), nn.ReLU()]
        return nn.Sequential(*layers, nn.Conv2d(width, channels * scale**2, 3, padding=1), nn.PixelShuffle(scale))
