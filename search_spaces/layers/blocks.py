"""The blocks of `hybrid`: input and output have one shape, and most blocks start as the identity.

Each block takes [N, width, H, W] and returns the same shape. The docstring of a block says what `kernel` (3, 5, 7) and
`expansion` (1, 2, 3) mean in it. The blocks in `CHAINED` start near the identity; in all others the last layer starts
at zero. So a brief training judges what a block learns, not how the block was initialised.
"""

from collections.abc import Callable, Mapping

from torch import nn

from search_spaces.layers import conv_blocks, gated_blocks
from search_spaces.layers.block_choices import BlockChoices

BLOCKS: Mapping[str, Callable[[BlockChoices, int], nn.Module]] = {
    "conv": conv_blocks.activated_conv,
    "ecb": conv_blocks.collapsible,
    "residual": conv_blocks.residual,
    "group": conv_blocks.grouped,
    "invert": conv_blocks.inverted,
    "blueprint": conv_blocks.blueprint,
    "distill": conv_blocks.distill,
    "distill_bs": conv_blocks.distill_separable,
    "rcab": gated_blocks.channel_attention,
    "pixel": gated_blocks.pixel_attention,
    "esa": gated_blocks.spatial_attention,
    "safm": gated_blocks.modulation,
    "span": gated_blocks.parameter_free,
    "large": conv_blocks.large_kernel,
    "window": gated_blocks.window_attention,
    "chain": conv_blocks.chain,
    "gate": gated_blocks.feature_gate,
    "gated": gated_blocks.gated_depthwise,
    "lowrank": conv_blocks.low_rank,
}
"""Every block by its name in the choices."""


def build_block(choices: BlockChoices, place: int = 0) -> nn.Module:
    """Return the block of these choices, as number `place` (from 0) among its repeats."""
    return BLOCKS[choices.name](choices, place)


def block(name: str, width: int, kernel: int, expansion: int, activation: str) -> nn.Module:
    """Return a block of these choices."""
    return build_block(BlockChoices(name, width, kernel, expansion, activation))
