import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.layers.fused import fused

SMALL = {"width": 8, "blocks": 2}


def small(scale: int = 4, channels: int = 3, **choices: bool) -> Architecture:
    return Architecture.published("compact/RealESR-animevideo", scale, channels).replaced(**SMALL, **choices)


def authors_state(blocks: int, width: int, scale: int) -> dict[str, torch.Tensor]:
    """Random tensors under the names of the released code: convolutions and slopes share one numbering."""
    state = {}
    widths = [3, *[width] * (blocks + 1), 3 * scale**2]
    for i in range(blocks + 2):
        state[f"body.{2 * i}.weight"] = 0.2 * torch.randn(widths[i + 1], widths[i], 3, 3)
        state[f"body.{2 * i}.bias"] = 0.2 * torch.randn(widths[i + 1])
        if i <= blocks:
            state[f"body.{2 * i + 1}.weight"] = torch.rand(width)
    return state


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_released_weights_compute_a_chain_and_add_the_repeated_pixels(scale: int) -> None:
    torch.manual_seed(0)
    theirs, network = authors_state(2, 8, scale), small(scale).build()
    network.load_state_dict(SPACES.get("compact").translate(theirs, scale, 3))
    image = torch.rand(1, 3, 7, 6)
    features = image
    for i in range(4):
        features = F.conv2d(features, theirs[f"body.{2 * i}.weight"], theirs[f"body.{2 * i}.bias"], padding=1)
        features = F.prelu(features, theirs[f"body.{2 * i + 1}.weight"]) if i < 3 else features
    expected = F.pixel_shuffle(features, scale) + F.interpolate(image, scale_factor=scale, mode="nearest")
    for form in (network, fused(network)):
        assert torch.allclose(form(image), expected, atol=1e-5)


@pytest.mark.parametrize(("name", "convs"), [("RealESR-animevideo", 18), ("RealESR-general", 34)])
def test_the_released_networks_differ_in_depth(name: str, convs: int) -> None:
    network = Architecture.published(f"compact/{name}", 4, 3).build()
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(layers) == convs
    assert {layer.out_channels for layer in layers[:-1]} == {64}


def test_it_starts_as_copied_pixels_and_with_the_image_skip_as_bicubic_interpolation() -> None:
    image = torch.rand(1, 3, 6, 7)
    for choices, mode in (({}, "nearest"), ({"image_skip": True}, "bicubic")):
        network = small(**choices).build()
        assert torch.equal(network(image), F.interpolate(image, scale_factor=4, mode=mode))


def test_the_signal_survives_the_deepest_chain() -> None:
    torch.manual_seed(0)
    network = small().replaced(width=32, blocks=40).build()
    with torch.no_grad():
        features = network.body[:-1](torch.rand(1, 3, 12, 12))
    assert 0.05 < features.square().mean().sqrt() < 20
