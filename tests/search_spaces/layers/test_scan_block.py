import torch
from torch import nn

from search_spaces.layers.scan_block import ScanBlock, ScanGroup


def test_a_block_without_its_branches_passes_the_features_through_both_skips() -> None:
    block, features = ScanBlock(6, 8, 2, 3).eval(), torch.randn(1, 6, 5, 7)
    nn.init.zeros_(block.scan.leave.weight)
    nn.init.zeros_(block.local[2].weight)
    nn.init.zeros_(block.local[2].bias)
    block.skip.data = torch.arange(6.0)
    block.local_skip.data.fill_(0.5)
    expected = features * torch.arange(6.0)[:, None, None] * 0.5
    assert torch.allclose(block(features), expected, atol=1e-6)


def test_both_branches_of_a_block_see_normalised_features() -> None:
    """A block without skips returns the same for features of another scale."""
    block, features = ScanBlock(6, 8, 2, 3).eval(), torch.randn(1, 6, 5, 7)
    for skip in (block.skip, block.local_skip):
        nn.init.zeros_(skip)
    with torch.no_grad():
        assert torch.allclose(block(features), block(100 * features), atol=1e-3)
        assert block(features).abs().max() > 0.01


def test_a_group_convolves_the_output_of_its_blocks_and_adds_its_input() -> None:
    group, features = ScanGroup([ScanBlock(6, 8, 2, 3), ScanBlock(6, 8, 2, 3)], 6).eval(), torch.randn(1, 6, 5, 7)
    with torch.no_grad():
        expected = features + group.conv(group.blocks[1](group.blocks[0](features)))
        assert torch.equal(group(features), expected)
