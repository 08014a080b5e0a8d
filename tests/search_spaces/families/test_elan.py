import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture, Choices
from search_spaces.families.elan import GroupAttention, ShiftConv

SPACE = SPACES.get("elan")
TINY: Choices = {**SPACE.smallest, "windows": "4-8-16", "shared": 1}


def test_a_shift_convolution_moves_five_groups_then_mixes_them() -> None:
    layer = ShiftConv(12, 6)
    x = torch.randn(2, 12, 5, 7)
    padded = F.pad(x, (1, 1, 1, 1))
    left, right = padded[:, 0:2, 1:-1, 2:], padded[:, 2:4, 1:-1, :-2]
    up, down = padded[:, 4:6, 2:, 1:-1], padded[:, 6:8, :-2, 1:-1]
    moved = torch.cat([left, right, up, down, x[:, 8:]], dim=1)
    assert torch.allclose(layer(x), layer.conv(moved), atol=1e-6)


def test_what_moves_the_channels_is_no_parameter() -> None:
    layer = ShiftConv(10, 10)
    assert [name for name, _ in layer.named_parameters()] == ["conv.weight", "conv.bias"] == list(layer.state_dict())


@pytest.mark.parametrize("shifted", [False, True])
def test_queries_are_their_own_keys_in_windows_of_three_sizes(shifted: bool) -> None:
    attention = GroupAttention(6, (2, 4, 8), shifted=shifted, scoring=True).eval()
    x = torch.randn(1, 6, 8, 8)
    inner, mixed = attention.project_in(x), []
    for side, part in zip((2, 4, 8), inner.split(4, dim=1), strict=True):
        shift = side // 2 if shifted else 0
        part = part.roll((-shift, -shift), (2, 3))
        result = torch.empty(1, 2, 8, 8)
        for y in range(0, 8, side):
            for x0 in range(0, 8, side):
                window = part[0, :, y : y + side, x0 : x0 + side].flatten(1)
                q, v = window[:2], window[2:]
                result[0, :, y : y + side, x0 : x0 + side] = (v @ (q.T @ q).softmax(dim=1).T).view(2, side, side)
        mixed.append(result.roll((shift, shift), (2, 3)))
    output, scores = attention(x, [])
    assert torch.allclose(output, attention.project_out(torch.cat(mixed, dim=1)), atol=1e-6)
    assert [s.shape for s in scores] == [(1, 16, 4, 4), (1, 4, 16, 16), (1, 1, 64, 64)]


def test_the_scores_are_reused_by_the_modules_that_share_them() -> None:
    first = GroupAttention(6, (2, 4, 8), shifted=False, scoring=True)
    second = GroupAttention(6, (2, 4, 8), shifted=False, scoring=False)
    x = torch.randn(1, 6, 8, 8)
    _, scores = first(x, [])
    _, again = second(x, scores)
    assert all(a is b for a, b in zip(scores, again, strict=True))
    blind = [torch.eye(s.shape[-1]).expand_as(s) for s in scores]  # every pixel sees only itself
    output, _ = second(x, blind)
    assert torch.allclose(output, second.project_out(second.project_in(x)), atol=1e-6)


def test_every_second_block_is_shifted() -> None:
    network = SPACE.build({**TINY, "blocks": 4}, 2, 1)
    assert [[a.shifted for a in block.attention] for block in network.blocks] == [[False] * 2, [True] * 2] * 2


@pytest.mark.parametrize("channels", [1, 3])
def test_parameters_equal_the_count_by_hand(channels: int) -> None:
    width, hidden = 60, 120
    local = (width + 1) * hidden + (hidden + 1) * width
    scoring = (width + 1) * 2 * width + 2 * 2 * width
    reusing = (width + 1) * width + 2 * width
    block = 2 * (local + (width + 1) * width) + scoring + reusing
    expected = (9 * channels + 1) * width + 12 * block + (9 * width + 1) * 4 * channels
    network = Architecture.published("elan/ELAN-light", 2, channels).build()
    assert sum(p.numel() for p in network.parameters()) == expected == {1: 576_604, 3: 582_012}[channels]


def test_its_head_sees_an_image_in_0_to_255_around_zero_unless_the_image_is_skipped() -> None:
    mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1)
    image, seen = torch.rand(1, 3, 16, 16), []
    for skip in (False, True):
        network = SPACE.build({**TINY, "image_skip": skip}, 2, 3)
        head = (network.network if skip else network).head
        head.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
        network(image)
    assert torch.allclose(seen[0], 255 * (image - mean), atol=1e-4)
    assert torch.allclose(seen[1], image - 0.25)


def test_the_image_is_padded_by_mirroring_and_cropped() -> None:
    network = SPACE.build(TINY, 2, 1).eval()
    image = torch.rand(1, 1, 13, 11)
    padded = F.pad(image, (0, 5, 0, 3), "reflect")
    assert torch.allclose(network(image), network(padded)[:, :, :26, :22], atol=1e-5)


def test_the_authors_names_are_ours() -> None:
    theirs = [f"{name}.{part}" for name in ("sub_mean", "add_mean", "head.0", "tail.0") for part in ("weight", "bias")]
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    for body in (0, 1):
        for i in (0, 1):
            for conv in (0, 1):
                local = f"body.{body}.modules_lfe.lfe_{i}.conv{conv}.shift_conv"
                theirs += [f"{local}.weight", f"{local}.conv1x1.weight", f"{local}.conv1x1.bias"]
            attention = f"body.{body}.modules_gmsa.gmsa_{i}"
            theirs += [f"{attention}.{name}.{part}" for name in ("project_inp.0", "project_out") for part in norm[:2]]
            theirs += [f"{attention}.project_inp.1.{part}" for part in norm]
    ours = SPACE.build(TINY, 2, 3).state_dict()
    assert set(SPACE.translate({name: torch.empty(0) for name in theirs}, 2, 3)) == set(ours)
