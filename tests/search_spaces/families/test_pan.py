import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.convert.checkpoint import fit
from search_spaces import SPACES, Architecture
from search_spaces.families.pan import SelfCalibratedBlock


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


@pytest.mark.parametrize("attention", [False, True])
def test_one_of_the_two_branches_of_a_block_is_gated(attention: bool) -> None:
    torch.manual_seed(0)
    block = SelfCalibratedBlock(8, attention=attention)
    image = torch.randn(2, 8, 6, 7)
    a, b = leaky(block.enter_plain(image)), leaky(block.enter_gated(image))
    gate = block.gate(b).sigmoid() if attention else 1
    branches = [block.plain(a), block.gated[1](block.gated[0](b) * gate)]
    assert torch.allclose(block(image), image + block.merge(leaky(torch.cat(branches, dim=1))), atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_its_own_skip_is_the_bilinear_image(scale: int) -> None:
    network = Architecture.published("pan/PAN", scale).build()
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    image = torch.rand(1, 1, 5, 7)
    assert torch.allclose(network(image), F.interpolate(image, scale_factor=scale, mode="bilinear"), atol=1e-6)


def test_the_image_skip_replaces_its_own() -> None:
    network = Architecture.published("pan/PAN").replaced(image_skip=True).build()
    image = torch.rand(1, 1, 5, 7)
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))


def test_scale_4_is_reached_in_two_steps_of_2() -> None:
    upsample = Architecture.published("pan/PAN", 4).build().upsample
    assert [step[0].scale_factor for step in upsample] == [2, 2]
    assert [step[1].in_channels for step in upsample] == [40, 24]
    assert upsample(torch.rand(1, 40, 3, 5)).shape == (1, 24, 12, 20)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_names_of_the_released_weights_are_known(scale: int) -> None:
    shapes: dict[str, tuple[int, ...]] = {"conv_last.weight": (3, 24, 3, 3), "conv_last.bias": (3,)}
    with_bias = {"conv_first": (40, 3, 3), "trunk_conv": (40, 40, 3)}
    for step in range(1, 3 if scale == 4 else 2):
        with_bias |= {f"upconv{step}": (24, 40 if step == 1 else 24, 3), f"att{step}.conv": (24, 24, 1)}
        with_bias |= {f"HRconv{step}": (24, 24, 3)}
    for i in range(16):
        with_bias[f"SCPA_trunk.{i}.PAConv.k2"] = (20, 20, 1)
        for name in ("k1.0", "PAConv.k3", "PAConv.k4"):
            shapes[f"SCPA_trunk.{i}.{name}.weight"] = (20, 20, 3, 3)
        shapes |= {f"SCPA_trunk.{i}.conv1_{branch}.weight": (20, 40, 1, 1) for branch in "ab"}
        shapes[f"SCPA_trunk.{i}.conv3.weight"] = (40, 40, 1, 1)
    for name, (outputs, inputs, kernel) in with_bias.items():
        shapes |= {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}
    state = {name: torch.zeros(shape) for name, shape in shapes.items()}
    network = Architecture.published("pan/PAN", scale, 3).build()
    found = fit(SPACES.get("pan").translate(state, scale, 3), network)
    assert found.faults == 0, found.describe()
