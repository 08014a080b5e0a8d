"""The choices of a block of `hybrid`, and which choices have an effect on which blocks."""

from dataclasses import dataclass

from torch import nn

from search_spaces.layers.activation import activation

CHAINED = frozenset({"conv", "ecb"})
"""Blocks that end in an activation. A head before such a block is activated, too."""

FIXED_EXPANSION = frozenset({"conv"})
"""Blocks that ignore `expansion`."""

OWN_ACTIVATION = frozenset({"span", "window", "gate"})
"""Blocks that have their own activation and ignore the network's."""


@dataclass(frozen=True)
class BlockChoices:
    """The name, the width and the three choices of a block."""

    name: str
    width: int
    kernel: int
    expansion: int
    activation: str

    @property
    def cost_key(self) -> tuple[str, int, int, int, str]:
        """Arguments of a block with equal parameters and multiply-adds: among activations only PReLU has parameters."""
        name, width, kernel, expansion, act = self.time_key
        return name, width, kernel, expansion, "prelu" if act == "prelu" else "relu"

    @property
    def time_key(self) -> tuple[str, int, int, int, str]:
        """Arguments of a block that takes the same time once deployed: branches that fuse take no time."""
        act = "relu" if self.name in OWN_ACTIVATION else self.activation
        if self.name == "ecb":
            return "conv", self.width, self.kernel, 1, act
        return self.name, self.width, self.kernel, self.expansion, act

    def act(self, width: int | None = None) -> nn.Module:
        """Return the activation for `width` features, by default the block's."""
        return activation(self.activation, self.width if width is None else width)

    @property
    def inner(self) -> int:
        """Number of features between two full convolutions: 0.5, 1 or 1.5 times the width."""
        return self.width * self.expansion // 2
