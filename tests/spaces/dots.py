"""A user's own space of tiny networks that train quickly: `dots`, and `slow`, which idles at each step."""

import time
from typing import ClassVar

from torch import Tensor, nn

from search_spaces import Choices, Claim, Published, SearchSpace, Values, register


class _Idle(nn.Module):
    """Sleeps in training: it takes time but no processor."""

    def forward(self, image: Tensor) -> Tensor:
        if self.training and image.device.type != "meta":
            time.sleep(0.02)
        return image


@register
class Dots(SearchSpace):
    """Two convolutions: 64 widths, a kernel of 1 or 3, and a choice that has no effect with a kernel of 1."""

    name: ClassVar[str] = "dots"
    summary: ClassVar[str] = "two convolutions"
    smallest: ClassVar[Choices] = {"width": 1, "kernel": 1, "padded": False}
    published: ClassVar = {
        "Dots-A": Published({"width": 8, "kernel": 3, "padded": True}, Claim("nowhere", params=400)),
        "Dots-B": Published({"width": 64, "kernel": 3, "padded": True}, Claim("nowhere")),
    }

    options: ClassVar[dict[str, Values]] = {"width": range(1, 65), "kernel": (1, 3), "padded": (False, True)}

    def count(self) -> int:
        return 64 * 3

    def canonical(self, choices: Choices) -> Choices:
        return {**choices, "padded": choices["padded"] and choices["kernel"] == 3}

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        width, kernel = int(choices["width"]), int(choices["kernel"])
        mode = "replicate" if choices["padded"] and kernel == 3 else "zeros"
        return nn.Sequential(
            nn.Conv2d(channels, width, kernel, padding="same", padding_mode=mode),
            nn.ReLU(),
            nn.Conv2d(width, channels * scale**2, kernel, padding="same", padding_mode=mode),
            nn.PixelShuffle(scale),
        )


@register
class Slow(Dots):
    """The same networks, with 20 ms per step."""

    name: ClassVar[str] = "slow"

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        return nn.Sequential(_Idle(), super().network(choices, scale, channels))
