"""Attention in the windows that a router finds hardest, a gate in the other windows (CAMixerSR, arXiv 2402.19289)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.window import merge, partition

CONDITION = 2
"""Channels that the whole network's condition adds to a router's input; the place within a window adds two more."""


REACH = 8.0
"""Maximum distance in pixels by which keys are moved."""


class Router(nn.Module):
    """Computes the hardness of every window, the place of every pixel's key, and the gates of the mixer."""

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        inputs = width + CONDITION + 2
        inner = inputs // 4
        self.window = (window, window)
        self.common = nn.Sequential(conv(inputs, inner, 1), ChannelNorm(inner), nn.LeakyReLU(0.1))
        self.offsets = nn.Sequential(conv(inner, inputs // 8, 1), nn.LeakyReLU(0.1), conv(inputs // 8, 2, 1))
        self.hardness = nn.Sequential(nn.Linear(window**2, window), nn.LeakyReLU(0.1), nn.Linear(window, 2))
        self.channel_gate = conv(inner, width, 1)
        self.pixel_gate = conv(inner, 1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[N, inputs, H, W] → hardness [N, windows] in 0..1, offsets [N, 2, H, W] (x, y), gates of channels and pixels.

        The gates are [N, width, 1, 1] and [N, 1, H, W], in 0..1.
        """
        common = self.common(features)
        pixels = partition(common.mean(dim=1, keepdim=True).permute(0, 2, 3, 1), self.window).squeeze(-1)
        hardness = self.hardness(pixels).softmax(dim=-1)[..., 0]
        offsets = REACH * torch.tanh(self.offsets(common))
        channels = self.channel_gate(common.mean(dim=(2, 3), keepdim=True))
        return hardness, offsets, torch.sigmoid(channels), torch.sigmoid(self.pixel_gate(common))


def moved(features: Tensor, offsets: Tensor) -> Tensor:
    """[N, C, H, W] and offsets [N, 2, H, W] → the same shape: pixels taken at (x, y) offsets, interpolated.

    Positions outside the image are clamped to its border.
    """
    if features.is_meta:
        # On the meta device, sampling is a long chain of steps: half of the time to count a network.
        return torch.empty_like(features)
    height, width = features.shape[2:]
    # Half precision can't distinguish neighbouring positions in a large image.
    offsets = offsets.to(torch.float32)
    x = torch.arange(width, device=features.device) + offsets[:, 0]
    y = torch.arange(height, device=features.device)[:, None] + offsets[:, 1]
    places = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    sampled = F.grid_sample(features.to(torch.float32), places, padding_mode="border", align_corners=True)
    return sampled.to(features.dtype)


class Mixer(nn.Module):
    """Attention within the hardest windows, a gate on each pixel in the others, then depthwise convolutions on all.

    A fixed share of an image's windows is attended, so that the cost doesn't depend on what the image shows. In
    training all windows take both paths: the result is the same, and the router learns which path would have been
    better.
    """

    place: Tensor

    def __init__(self, width: int, window: int, percent: int) -> None:
        super().__init__()
        self.window, self.percent = (window, window), percent
        self.project_v = conv(width, width, 1)
        self.project_q = nn.Linear(width, width)
        self.project_k = nn.Linear(width, width)
        self.spatial = nn.Sequential(
            conv(width, width, groups=width), nn.Conv2d(width, width, 3, padding=2, dilation=2, groups=width)
        )
        self.project_out = conv(width, width, 1)
        self.router = Router(width, window)
        line = torch.linspace(-1, 1, window)
        self.register_buffer("place", torch.stack(torch.meshgrid(line, line, indexing="ij"))[None], persistent=False)

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """[N, width, H, W], sides multiples of the window, and the condition [N, 2, H, W] → [N, width, H, W]."""
        n, _, height, width = features.shape
        values = self.project_v(features)
        place = self.place.repeat(n, 1, height // self.window[0], width // self.window[1])
        hardness, offsets, channel_gate, pixel_gate = self.router(torch.cat([values, condition, place], dim=1))
        windows = [
            partition(part.permute(0, 2, 3, 1), self.window)
            for part in (features, features + moved(features, offsets), values, values * pixel_gate)
        ]
        mixed = self.route(hardness, *windows)
        mixed = merge(mixed, self.window, (height, width)).permute(0, 3, 1, 2)
        spatial = F.gelu(self.spatial(mixed))
        return self.project_out(spatial * channel_gate + mixed)

    def route(self, hardness: Tensor, queries: Tensor, keys: Tensor, values: Tensor, gated: Tensor) -> Tensor:
        """Hardness [N, windows] and four tensors [N, windows, pixels, width] → that shape: attended or gated values."""
        n, count = hardness.shape
        hardest = hardness.argsort(dim=1, descending=True)[:, : (count * self.percent + 99) // 100]
        if self.training:
            chosen = torch.zeros_like(hardness).scatter(1, hardest, 1.0)
            # The value is 0 or 1; the gradient is the gradient of the hardness.
            chosen = (chosen + hardness - hardness.detach())[:, :, None, None]
            return gated + chosen * (self.attend(queries, keys, values) - gated)
        which = (torch.arange(n, device=hardness.device)[:, None], hardest)
        attended = self.attend(queries[which], keys[which], values[which])
        return gated.index_put(which, attended.to(gated.dtype))

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Three tensors [N, windows, pixels, width] → the same shape."""
        q, k = self.project_q(queries), self.project_k(keys)
        return (q @ k.transpose(-2, -1)).softmax(dim=-1) @ values
