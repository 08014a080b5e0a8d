import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.families.sinir import NormedBlock

SINIR = SPACES.get("sinir")


def test_an_authors_checkpoint_is_taken() -> None:
    shapes = {"from_rgb.0": (64, 3, 1, 1), "from_rgb.1": (128, 64, 1, 1)}
    shapes |= {"to_rgb.0": (64, 128, 1, 1), "to_rgb.1": (3, 64, 1, 1)}
    shapes |= {f"layers.{block}.layers.1": (128, 128, 3, 3) for block in range(6)}
    state = {f"{name}.weight": torch.rand(shape) for name, shape in shapes.items()}
    state |= {f"{name}.bias": torch.rand(shape[0]) for name, shape in shapes.items()}
    assert not any(Architecture.published("sinir/SinIR", 2, 3).build().load_state_dict(SINIR.translate(state, 2, 3)))


def test_a_block_normalises_each_channel_of_each_image() -> None:
    block, features = NormedBlock(4, "instance"), 7 * torch.rand(2, 4, 6, 5) + 3
    answer = F.conv2d(F.pad(features, (1, 1, 1, 1), mode="reflect"), block.conv.weight, block.conv.bias)
    mean, deviation = answer.mean((2, 3), keepdim=True), answer.var((2, 3), correction=0, keepdim=True).sqrt()
    assert torch.allclose(block(features), F.leaky_relu((answer - mean) / deviation, 0.2), atol=1e-3)
    assert torch.allclose(NormedBlock(4, "none")(torch.zeros(1, 4, 3, 3)).std((2, 3)), torch.zeros(1, 4))


def test_the_first_features_are_added_after_every_block() -> None:
    network = Architecture.published("sinir/SinIR").replaced(width=8, blocks=3).build()
    image = torch.rand(1, 1, 5, 6)
    first = features = network.head(2 * F.interpolate(image, scale_factor=2, mode="bicubic") - 1)
    for block in network.blocks:
        features = block(features) + first
    assert torch.allclose(network(image), (torch.tanh(network.tail(features)) + 1) / 2, atol=1e-6)


def test_it_works_at_the_high_resolution() -> None:
    products = 6 * 128 * 128 * 9 + 2 * (64 + 64 * 128)
    assert cost(Architecture.published("sinir/SinIR")).macs == products * 1280 * 720
    assert cost(Architecture.published("sinir/SinIR", 4)).macs == products * 1280 * 720


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_normalisation_has_no_parameters(norm: str) -> None:
    assert [name for name, _ in NormedBlock(4, norm).named_parameters()] == ["conv.weight", "conv.bias"]
    assert isinstance(NormedBlock(4, norm).norm, nn.InstanceNorm2d if norm == "instance" else nn.Identity)
