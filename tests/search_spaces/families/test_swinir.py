import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture, Choices
from search_spaces.families.swinir import tail

SPACE = SPACES.get("swinir")
TINY: Choices = {**SPACE.smallest, "groups": 2, "expansion": 2, "window": 8}


def params(choices: Choices, scale: int, channels: int) -> int:
    """Count by hand, for the tails 'direct' and 'nearest' at scale 2."""
    heads, window = choices["heads"], choices["window"]
    width, hidden = heads * choices["head_width"], heads * choices["head_width"] * choices["expansion"]
    attention = (2 * window - 1) ** 2 * heads + (width + 1) * 4 * width
    layer = 2 * 2 * width + attention + (width + 1) * hidden + (hidden + 1) * width
    convolution = (9 * width + 1) * width
    body = choices["groups"] * (choices["depth"] * layer + convolution) + convolution + 2 * 2 * width
    direct = (9 * width + 1) * channels * scale**2
    nearest = (9 * width + 1) * 64 + 2 * (9 * 64 + 1) * 64 + (9 * 64 + 1) * channels
    return (9 * channels + 1) * width + body + {"direct": direct, "nearest": nearest}[choices["tail"]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", SPACE.published)
def test_parameters_equal_the_count_by_hand(name: str, channels: int) -> None:
    with torch.device("meta"):
        network = Architecture.published(f"swinir/{name}", 2, channels).build()
    assert sum(p.numel() for p in network.parameters()) == params(SPACE.published[name].choices, 2, channels)


def test_every_second_layer_is_shifted_by_half_a_window() -> None:
    network = SPACE.build({**TINY, "depth": 4}, 2, 1)
    assert [[layer.shift for layer in group.layers] for group in network.groups] == [[0, 4, 0, 4]] * 2


def test_the_image_is_padded_by_mirroring_and_cropped() -> None:
    network = SPACE.build(TINY, 2, 3)
    image = torch.rand(1, 3, 13, 11)
    padded = F.pad(image, (0, 5, 0, 3), "reflect")
    assert torch.allclose(network(image), network(padded)[:, :, :26, :22], atol=1e-6)


def test_the_colour_mean_is_taken_away_and_given_back_unless_the_image_is_skipped() -> None:
    network = SPACE.build(TINY, 2, 3)
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    assert torch.allclose(network(torch.rand(1, 3, 8, 8)).mean(dim=(0, 2, 3)), torch.tensor([0.4488, 0.4371, 0.4040]))
    assert SPACE.build({**TINY, "image_skip": True}, 2, 3).network.shift is None


@pytest.mark.parametrize(("scale", "factors"), [(2, [2]), (3, [3]), (4, [2, 2])])
def test_the_nearest_tail_doubles_in_steps(scale: int, factors: list[int]) -> None:
    layers = tail("nearest", 12, 1, scale).up
    assert [layer.scale_factor for layer in layers if isinstance(layer, torch.nn.Upsample)] == factors


LAYER = """norm1.weight norm1.bias attn.relative_position_bias_table attn.relative_position_index attn.qkv.weight
    attn.qkv.bias attn.proj.weight attn.proj.bias norm2.weight norm2.bias mlp.fc1.weight mlp.fc1.bias mlp.fc2.weight
    mlp.fc2.bias"""
TAILS = {
    "direct": "upsample.0",
    "shuffle": "conv_before_upsample.0 upsample.0 upsample.2 conv_last",
    "nearest": "conv_before_upsample.0 conv_up1 conv_up2 conv_hr conv_last",
}


def authors_names(kind: str) -> list[str]:
    """The tensors of the authors' network of one group of two layers at scale 4."""
    layers = [f"layers.0.residual_group.blocks.{j}.{name}" for j in (0, 1) for name in LAYER.split()]
    modules = ["conv_first", "patch_embed.norm", "layers.0.conv", "norm", "conv_after_body", *TAILS[kind].split()]
    both = [f"{module}.{part}" for module in modules for part in ("weight", "bias")]
    return [*layers, "layers.0.residual_group.blocks.1.attn_mask", *both]


@pytest.mark.parametrize("kind", ["direct", "shuffle", "nearest"])
def test_the_authors_names_are_ours(kind: str) -> None:
    ours = SPACE.build({**SPACE.smallest, "tail": kind}, 4, 3).state_dict()
    theirs = SPACE.translate({name: torch.empty(0) for name in authors_names(kind)}, 4, 3)
    assert set(theirs) == set(ours)
