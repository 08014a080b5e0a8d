import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from search_spaces import SPACES, Architecture

LAYERS = ("c1_r", "c2_r", "_extern_conv_block.0", "c3_r")


def authors_state(scale: int) -> dict[str, Tensor]:
    """Random tensors under the names of the challenge's code."""
    shapes = {"conv_1.eval_conv": (32, 3, 3), "conv_2": (32, 32, 1), "upsampler.0": (3 * scale**2, 32, 3)}
    shapes |= {f"blocks.{i}.{layer}.eval_conv": (32, 32, 3) for i in range(4) for layer in LAYERS}
    state = {}
    for name, (outputs, inputs, kernel) in shapes.items():
        state[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs)
    return state


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_released_weights_compute_chains_with_a_skip_after_the_last_silu(scale: int) -> None:
    torch.manual_seed(0)
    theirs, network = authors_state(scale), Architecture.published("disp/DISP", scale, 3).build()
    network.load_state_dict(SPACES.get("disp").translate(theirs, scale, 3))

    def convolved(features: Tensor, name: str) -> Tensor:
        weight = theirs[f"{name}.weight"]
        return F.conv2d(features, weight, theirs[f"{name}.bias"], padding=weight.shape[-1] // 2)

    image = torch.rand(1, 3, 9, 8)
    head = features = convolved(image, "conv_1.eval_conv")
    for i in range(4):
        inner = features
        for layer in LAYERS:
            inner = F.silu(convolved(inner, f"blocks.{i}.{layer}.eval_conv"))
        features = features + inner
    expected = F.pixel_shuffle(convolved(head + convolved(features, "conv_2"), "upsampler.0"), scale)
    assert torch.allclose(network(image), expected, atol=1e-5)


def test_the_released_checkpoint_has_as_many_values() -> None:
    network = Architecture.published("disp/DISP", 4, 3).build()
    assert sum(parameter.numel() for parameter in network.parameters()) == 163_792


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_a_deep_network_starts_tame_and_learns_everywhere(activation: str) -> None:
    torch.manual_seed(0)
    point = Architecture.published("disp/DISP").replaced(width=16, blocks=12, convs=6, activation=activation)
    network = point.build()
    output = network(torch.rand(1, 1, 12, 12))
    assert output.std() < 10
    output.square().sum().backward()
    assert all(parameter.grad.any() for parameter in network.parameters())


def test_with_the_image_skip_it_starts_as_bicubic_interpolation() -> None:
    network = Architecture.published("disp/DISP").replaced(image_skip=True, width=8).build()
    image = torch.rand(1, 1, 6, 7)
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))
