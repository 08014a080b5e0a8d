import pytest
import torch
from torch import Tensor

from nas.convert.checkpoint import fit
from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.layers.blueprint import SeparableConv


def test_the_branch_is_merged_with_the_residual_blocks() -> None:
    torch.manual_seed(0)
    network = Architecture.published("psrgan/PSRGAN").replaced(blocks=2, width=16).build()
    image = torch.rand(1, 1, 17, 18)
    head = network.head(image)
    trunk = head + network.trunk(network.blocks[1](network.blocks[0](head)))
    branch = network.spatial(network.distillation(head))
    features = network.merge(torch.cat([branch, trunk], dim=1))
    assert torch.allclose(network(image), network.tail(features), atol=1e-6)


def test_without_the_branch_nothing_is_merged() -> None:
    network = Architecture.published("psrgan/PSRGAN").replaced(blocks=1, branch=False).build()
    image = torch.rand(1, 1, 5, 6)
    head = network.head(image)
    assert torch.allclose(network(image), network.tail(head + network.trunk(network.blocks(head))), atol=1e-6)
    assert not hasattr(network, "merge")


def test_the_branch_is_separable_down_to_its_1x1_convolutions() -> None:
    network = Architecture.published("psrgan/PSRGAN").build()
    for layer in (network.distillation.merge, network.spatial.squeeze, network.spatial.expand):
        assert isinstance(layer, SeparableConv)
        assert layer.depthwise.kernel_size == layer.pointwise.kernel_size == (1, 1)
    assert network.spatial.reduce.depthwise.padding == (1, 1)


def test_it_has_as_many_parameters_at_scale_4_as_its_authors_log_says() -> None:
    assert cost(Architecture.published("psrgan/PSRGAN", 4, 3)).params == 349_664


def test_an_ordinary_convolution_takes_the_place_of_a_separable_one() -> None:
    network = Architecture.published("psrgan/PSRGAN").replaced(separable=False, kernel=5, blocks=1, width=16).build()
    assert network.blocks[0].body[0].weight.shape == (16, 16, 5, 5)
    assert network(torch.rand(1, 1, 5, 6)).shape == (1, 1, 10, 12)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_names_of_the_authors_weights_are_known(scale: int) -> None:
    state: dict[str, Tensor] = {}

    def convolution(name: str, outputs: int, inputs: int, kernel: int) -> None:
        state.update({f"{name}.weight": torch.zeros(outputs, inputs, kernel, kernel)})
        state.update({f"{name}.bias": torch.zeros(outputs)})

    def separable(name: str, outputs: int, inputs: int, kernel: int, first: int = 0) -> None:
        convolution(f"{name}.{first}", inputs, 1, kernel)
        convolution(f"{name}.{first + 1}", outputs, inputs, 1)

    convolution("head", 64, 3, 3)
    for i in range(16):
        separable(f"body.sub.{i}.res", 64, 64, 3)
        separable(f"body.sub.{i}.res", 64, 64, 3, first=3)
    convolution("body.sub.16", 64, 64, 3)
    for j in range(1, 4):
        separable(f"KD.c{j}_d", 32, 64, 1)
        separable(f"KD.c{j}_r", 64, 64, 3)
    separable("KD.c4", 32, 64, 3)
    separable("KD.c5", 64, 128, 1)
    separable("KD.esa.conv1", 16, 64, 1)
    separable("KD.esa.conv_f", 16, 16, 1)
    for name in ("conv_max", "conv2", "conv3", "conv3_"):
        separable(f"KD.esa.{name}", 16, 16, 3)
    separable("KD.esa.conv4", 64, 16, 1)
    convolution("copress", 64, 128, 1)
    steps = 2 if scale == 4 else 1
    for step in range(steps):
        convolution(f"tail.{3 * step + 1}", 64, 64, 3)
    convolution(f"tail.{3 * steps}", 64, 64, 3)
    state[f"tail.{3 * steps + 2}.weight"] = torch.zeros(3, 64, 3, 3)
    network = Architecture.published("psrgan/PSRGAN", scale, 3).build()
    found = fit(SPACES.get("psrgan").translate(state, scale, 3), network)
    assert found.faults == 0, found.describe()
