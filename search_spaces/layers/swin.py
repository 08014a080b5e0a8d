"""The layers and groups of SwinIR: self-attention in windows, every second layer shifted (arXiv 2108.10257)."""

from torch import Tensor, nn

from search_spaces.layers.conv import conv
from search_spaces.layers.window import WindowAttention, merge, partition, roll


class SwinLayer(nn.Module):
    """x + attention(norm x), then x + MLP(norm x); with `shifted`, the windows overlap those of the layer before."""

    def __init__(self, width: int, heads: int, window: int, expansion: int, *, shifted: bool) -> None:
        super().__init__()
        self.window = (window, window)
        self.shift = window // 2 if shifted else 0
        self.norm1 = nn.LayerNorm(width)
        self.attention = WindowAttention(width, heads, self.window)
        self.norm2 = nn.LayerNorm(width)
        hidden = expansion * width
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """[N, H, W, width] → the same shape; only a shifted layer needs the mask."""
        normal = roll(self.norm1(features), (-self.shift, -self.shift))
        mixed = self.attention(partition(normal, self.window), mask if self.shift else None)
        mixed = merge(mixed, self.window, (features.shape[1], features.shape[2]))
        features = features + roll(mixed, (self.shift, self.shift))
        return features + self.mlp(self.norm2(features))


class SwinGroup(nn.Module):
    """Layers, every second layer shifted, a convolution, and the skip over both."""

    def __init__(self, width: int, heads: int, window: int, expansion: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            SwinLayer(width, heads, window, expansion, shifted=index % 2 == 1) for index in range(depth)
        )
        self.conv = conv(width, width)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """[N, H, W, width] → the same shape."""
        mixed = features
        for layer in self.layers:
            mixed = layer(mixed, mask)
        return features + self.conv(mixed.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
