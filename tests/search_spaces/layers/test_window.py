import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from search_spaces.layers.window import (
    HeightWidth,
    Padded,
    PositionBias,
    WindowAttention,
    WindowBlock,
    merge,
    pad_to_multiple,
    partition,
    roll,
    shift_mask,
)

WINDOW = (2, 4)


def test_padding_mirrors_the_image_as_reflection_does() -> None:
    image = torch.rand(2, 3, 9, 11)
    assert torch.equal(pad_to_multiple(image, (8, 4)), F.pad(image, (0, 1, 0, 7), "reflect"))
    assert torch.equal(pad_to_multiple(image, (3, 11)), image)


@pytest.mark.parametrize(("size", "expected"), [(1, [0, 0, 0, 0, 0]), (2, [0, 1, 0, 1, 0]), (3, [0, 1, 2, 1, 0])])
def test_what_is_smaller_than_its_padding_is_mirrored_again(size: int, expected: list[int]) -> None:
    rows = torch.arange(size).view(1, 1, size, 1)
    assert pad_to_multiple(rows, (5, 1)).flatten().tolist() == expected


def test_a_part_is_counted_behind_the_padding() -> None:
    module = Padded(nn.Conv2d(2, 3, 1), 8)
    features = torch.randn(1, 2, 9, 8)
    assert torch.equal(module(features), module.module(F.pad(features, (0, 0, 0, 7), "reflect")))


def test_a_window_holds_neighbours_in_rows() -> None:
    pixels = torch.arange(4 * 8).view(1, 4, 8, 1)
    windows = partition(pixels, WINDOW)
    assert windows.shape == (1, 4, 8, 1)
    assert windows[0, 0].flatten().tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert windows[0, 1].flatten().tolist() == [4, 5, 6, 7, 12, 13, 14, 15]
    assert torch.equal(merge(windows, WINDOW, (4, 8)), pixels)


@pytest.mark.parametrize("shift", [(0, 0), (1, 0), (1, 2), (0, 3)])
def test_the_mask_parts_pixels_that_only_rolling_brought_together(shift: HeightWidth) -> None:
    """A pixel's place in the image, carried along, says how far apart two pixels of a window are."""
    height, width = 4, 8
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([y, x], dim=-1)[None].float()
    windows = partition(roll(places, (-shift[0], -shift[1])), WINDOW)[0]
    apart = (windows[:, :, None] - windows[:, None]).abs()
    together = (apart[..., 0] < WINDOW[0]) & (apart[..., 1] < WINDOW[1])
    mask = shift_mask(places, WINDOW, shift)
    assert torch.equal(mask == 0, together)
    assert mask[~together].le(-100).all()


def test_equal_distances_share_a_score() -> None:
    bias = PositionBias(3, WINDOW)
    table = bias()
    assert table.shape == (3, 8, 8)
    assert torch.equal(table[:, 0, 1], table[:, 6, 7])
    assert torch.equal(table[:, 0, 4], table[:, 3, 7])
    assert len({round(v, 6) for v in table[0].flatten().tolist()}) == 3 * 7 == len(bias.table)


def by_hand(attention: WindowAttention, pixels: Tensor, mask: Tensor) -> Tensor:
    """One window, one head at a time: [pixels, width] → the same shape."""
    width = pixels.shape[1]
    q, k, v = (pixels @ attention.qkv.weight.T + attention.qkv.bias).split(width, dim=1)
    each = width // attention.heads
    mixed = []
    for head in range(attention.heads):
        part = slice(head * each, (head + 1) * each)
        scores = q[:, part] @ k[:, part].T / math.sqrt(each) + attention.position()[head] + mask
        mixed.append(F.softmax(scores, dim=1) @ v[:, part])
    return torch.cat(mixed, dim=1) @ attention.project.weight.T + attention.project.bias


def test_attention_is_that_of_the_formula() -> None:
    attention = WindowAttention(12, 3, WINDOW)
    features = torch.randn(2, 4, 8, 12)
    windows, mask = partition(features, WINDOW), shift_mask(features, WINDOW, (1, 2))
    expected = torch.stack([torch.stack([by_hand(attention, *w) for w in zip(n, mask, strict=True)]) for n in windows])
    assert torch.allclose(attention(windows, mask), expected, atol=1e-6)


def test_a_window_sees_nothing_of_another() -> None:
    attention = WindowAttention(12, 3, WINDOW)
    windows = torch.randn(1, 4, 8, 12)
    changed = windows.clone()
    changed[:, 2] += 1
    same = (attention(windows) - attention(changed)).abs().amax(dim=(0, 2, 3)) < 1e-6
    assert same.tolist() == [True, True, False, True]


def macs(function: Callable[[], object]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        function()
    return int(counter.get_total_flops()) // 2


def test_the_multiply_adds_are_those_of_its_products() -> None:
    with torch.device("meta"):
        attention, windows = WindowAttention(60, 6, (8, 8)), torch.empty(1, 10, 64, 60)
    projections, products = 4 * 60 * 60, 2 * 64 * 60
    assert macs(lambda: attention(windows)) == 10 * 64 * (projections + products)


@pytest.mark.parametrize("shifted", [False, True])
def test_a_block_takes_any_size_and_starts_near_its_input(shifted: bool) -> None:
    block = WindowBlock(8, 2, 4, shifted=shifted)
    for height, width in ((1, 1), (3, 9), (8, 8)):
        features = torch.randn(2, 8, height, width)
        output = block(features)
        assert output.shape == features.shape
        output.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())


def test_only_a_shifted_block_reaches_across_the_edge_of_a_window() -> None:
    features = torch.randn(1, 8, 8, 8)
    changed = features.clone()
    changed[:, :4, 3, 3] += 1  # all channels alike would be normalised away
    for shifted in (False, True):
        block = WindowBlock(8, 2, 4, shifted=shifted)
        assert ((block(features) - block(changed))[..., 4:, 4:].abs().amax() > 1e-6) == shifted


def test_a_block_has_no_bias_in_its_products() -> None:
    block = WindowBlock(8, 2, 4)
    assert all(m.bias is None for m in block.modules() if isinstance(m, nn.Linear | nn.Conv2d))
