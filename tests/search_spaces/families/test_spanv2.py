import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture


def authors_state(scale: int) -> dict[str, Tensor]:
    """Random tensors under the names of the challenge's code."""
    pixels = 3 * scale**2
    shapes = {f"block_{b}.c{c}.conv": (32, 3 if (b, c) == (1, 1) else 32, 3) for b in range(1, 6) for c in (1, 2, 3)}
    shapes |= {f"block_{b}.guidance_map_conv": (32, 32, 1) for b in range(2, 6)}
    shapes |= {"conv_near": (pixels, 1, 3), "depthwise_conv": (pixels + 32, 1, 3)}
    shapes["pointwise_conv"] = (pixels, pixels + 32, 1)
    state = {}
    for name, (outputs, inputs, kernel) in shapes.items():
        state[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        if "guidance" in name:
            state[f"{name}.bias"] = torch.randn(outputs)
    return state


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_released_weights_compute_gated_blocks_and_a_learned_skip(scale: int) -> None:
    torch.manual_seed(0)
    theirs, network = authors_state(scale), Architecture.published("spanv2/SPANV2", scale, 3).build()
    network.load_state_dict(SPACES.get("spanv2").translate(theirs, scale, 3))

    def convolved(features: Tensor, name: str, groups: int = 1) -> Tensor:
        weight = theirs[f"{name}.weight"]
        return F.conv2d(features, weight, theirs.get(f"{name}.bias"), padding=weight.shape[-1] // 2, groups=groups)

    features = image = torch.rand(1, 3, 9, 8)
    for b in range(1, 6):
        inner = F.relu(convolved(features, f"block_{b}.c1.conv"))
        inner = convolved(F.relu(convolved(inner, f"block_{b}.c2.conv")), f"block_{b}.c3.conv")
        features = F.relu(inner) if b == 1 else (features + inner) * convolved(inner, f"block_{b}.guidance_map_conv")
    joined = torch.cat([convolved(image, "conv_near", 3), features], dim=1)
    pixels = convolved(convolved(joined, "depthwise_conv", joined.shape[1]), "pointwise_conv")
    assert torch.allclose(network(image), F.pixel_shuffle(pixels, scale), atol=1e-5)


def test_the_challenge_counts_only_what_runs_outside_the_gated_blocks() -> None:
    network = Architecture.published("spanv2/SPANV2", 4, 3).build()
    outside = [weight for name, weight in network.named_parameters() if not name.startswith("blocks")]
    assert sum(weight.numel() for weight in outside) * 256 * 256 == 1_591_738_368  # its results.json
    price = cost(Architecture.published("spanv2/SPANV2", 4, 3), (1024, 1024))
    assert (price.params, price.convs) == (139_104, 15 + 4 + 3)
    assert price.macs == (139_104 - 4 * 32) * 256 * 256


@pytest.mark.parametrize("channels", [1, 3])
def test_an_untrained_network_copies_the_pixels_and_each_layer_learns(channels: int) -> None:
    network = Architecture.published("spanv2/SPANV2", 2, channels).build()
    image = torch.rand(1, channels, 6, 7)
    output = network(image)
    assert torch.allclose(output, F.interpolate(image, scale_factor=2, mode="nearest"), atol=1e-6)
    output.square().sum().backward()
    assert network.tail.last.weight.grad[:, -32:].any()


def test_with_the_image_skip_it_starts_as_bicubic_interpolation_without_a_learned_skip() -> None:
    point = Architecture.published("spanv2/SPANV2").replaced(image_skip=True)
    image = torch.rand(1, 1, 6, 7)
    network = point.build()
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))
    assert network.network.near is None
