from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from search_spaces.layers.collapsible import NOISE, Collapsible, start_chain
from search_spaces.layers.edge_conv import FILTERS, EdgeConv, ExpandedConv

BLOCKS: list[Callable[[], Collapsible]] = [
    lambda: EdgeConv(3, 8),
    lambda: EdgeConv(5, 5, identity=True),
    lambda: EdgeConv(1, 4, expansion=1),
    lambda: ExpandedConv(3, 8, intermediate=16),
    lambda: ExpandedConv(6, 6, 5, intermediate=12, identity=True),
    lambda: ExpandedConv(3, 8, intermediate=2),
]


def randomised(block: Collapsible) -> Collapsible:
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    return block


def padded_with(image: Tensor, border: Tensor) -> Tensor:
    """One pixel more on each side, of the value that each channel of `border` has."""
    wide = border.view(1, -1, 1, 1).expand(image.shape[0], -1, image.shape[2] + 2, image.shape[3] + 2).clone()
    wide[:, :, 1:-1, 1:-1] = image
    return wide


def test_an_edge_conv_is_the_sum_of_its_five_branches() -> None:
    torch.manual_seed(0)
    block = randomised(EdgeConv(3, 4))
    assert isinstance(block, EdgeConv)
    image = torch.rand(2, 3, 6, 7)
    wide = padded_with(F.conv2d(image, block.widen.weight, block.widen.bias), block.widen.bias)
    branches = [block.plain(image), F.conv2d(wide, block.narrow.weight, block.narrow.bias)]
    for name, mask in FILTERS.items():
        branch = block.edges[name]
        filters = branch.gain * torch.tensor(mask)
        branches.append(F.conv2d(branch.mix(image), filters, branch.bias, padding=1, groups=4))
    assert torch.allclose(block(image), sum(branches), atol=1e-4)


def test_an_expanded_conv_is_its_two_convolutions() -> None:
    block = ExpandedConv(4, 4, 5, intermediate=16, identity=True)
    image = torch.rand(1, 4, 6, 7)
    assert torch.allclose(block(image), image + block.narrow(block.widen(image)), atol=1e-5)


def test_the_edge_filters_see_no_flat_image() -> None:
    assert len(FILTERS) == 3
    assert all(torch.tensor(mask).sum() == 0 for mask in FILTERS.values())


@pytest.mark.parametrize("make", BLOCKS)
def test_the_one_convolution_computes_the_same(make: Callable[[], Collapsible]) -> None:
    torch.manual_seed(0)
    block = randomised(make())
    image = torch.rand(1, block.inputs, 7, 5)
    expected = block(image)
    assert torch.allclose(block.fuse()(image), expected, atol=1e-4)


@pytest.mark.parametrize("make", BLOCKS)
def test_it_absorbs_any_convolution(make: Callable[[], Collapsible]) -> None:
    torch.manual_seed(0)
    block = randomised(make())
    weight, bias = torch.randn_like(block.merged()[0]), torch.randn(block.outputs)
    block.absorb(weight, bias)
    merged_weight, merged_bias = block.merged()
    assert torch.allclose(merged_weight, weight, atol=1e-4)
    assert torch.allclose(merged_bias, bias, atol=1e-4)


@pytest.mark.parametrize("make", [BLOCKS[0], BLOCKS[3]])
def test_a_block_that_starts_at_zero_can_leave_it_with_every_branch(make: Callable[[], Collapsible]) -> None:
    torch.manual_seed(0)
    block = make()
    for parameter in block.output_parameters():
        torch.nn.init.zeros_(parameter)
    image = torch.rand(1, block.inputs, 7, 5)
    assert block(image).abs().max() == 0
    for _ in range(2):
        block.zero_grad()
        (block(image) - 1).square().mean().backward()
        with torch.no_grad():
            for parameter in block.parameters():
                parameter -= 0.1 * parameter.grad
    assert all(parameter.grad.abs().max() > 0 for parameter in block.parameters())


@pytest.mark.parametrize("make", BLOCKS)
def test_in_a_chain_it_starts_near_the_identity_or_with_the_variance_that_a_relu_halves(
    make: Callable[[], Collapsible],
) -> None:
    torch.manual_seed(0)
    block = make()
    start_chain(block, 0.0)
    weight, bias = block.merged()
    share = 1.0
    if block.inputs == block.outputs:
        weight = weight - torch.nn.init.dirac_(torch.empty_like(weight))
        share = NOISE
    assert weight.square().mean().item() * weight[0].numel() == pytest.approx(2 * share**2, rel=0.5)
    assert bias.abs().max() < 1e-6


def test_merging_keeps_full_precision_under_autocast() -> None:
    torch.manual_seed(0)
    block = EdgeConv(4, 4)
    fused, image = block.fuse(), torch.rand(1, 4, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(block(image), fused(image))


def test_a_block_is_built_and_runs_without_data() -> None:
    with torch.device("meta"):
        for make in BLOCKS:
            block = make()
            start_chain(block, 0.0)
            assert block(torch.empty(1, block.inputs, 8, 9)).shape == (1, block.outputs, 8, 9)
