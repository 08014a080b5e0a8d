from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.convert.checkpoint import fit, load
from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.layers.edge_conv import FILTERS
from search_spaces.layers.fused import fused

POINTS = {"M4C8": (4, 8), "M4C16": (4, 16), "M10C16": (10, 16), "M10C32": (10, 32), "M16C64": (16, 64)}
SHORT = {"conv1x1_sbx": "sobel_x", "conv1x1_sby": "sobel_y", "conv1x1_lpl": "laplacian"}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", POINTS)
def test_its_cost_is_that_of_the_plain_convolutions_and_slopes(name: str, channels: int) -> None:
    blocks, width = POINTS[name]
    price = cost(Architecture.published(f"ecbsr/{name}", 2, channels))
    weights = 9 * (channels * width + blocks * width**2 + width * 4 * channels)
    assert price.params == weights + 2 * width * (blocks + 1) + 4 * channels
    assert price.macs == weights * 360 * 640


@pytest.mark.parametrize("branches", ["edge", "expanded", "none"])
def test_what_it_trains_as_does_not_change_what_it_costs(branches: str) -> None:
    point = Architecture.published("ecbsr/M4C8")
    assert cost(point.replaced(branches=branches)) == cost(point)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_its_own_skip_copies_every_pixel_to_its_sub_pixels(scale: int, channels: int) -> None:
    network = Architecture.published("ecbsr/M4C8", scale, channels).build()
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    image = torch.rand(1, channels, 5, 7)
    assert torch.equal(network(image), image.repeat_interleave(scale, 2).repeat_interleave(scale, 3))


@pytest.mark.parametrize("branches", ["edge", "expanded", "none"])
def test_with_the_image_skip_it_starts_as_bicubic_interpolation(branches: str) -> None:
    network = Architecture.published("ecbsr/M4C8").replaced(image_skip=True, branches=branches).build()
    image = torch.rand(1, 1, 6, 7)
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))


@pytest.mark.parametrize("branches", ["edge", "expanded", "none"])
@pytest.mark.parametrize("activation", ["relu", "prelu"])
def test_the_signal_survives_the_deepest_chain(branches: str, activation: str) -> None:
    torch.manual_seed(0)
    choices = {"width": 32, "blocks": 24, "activation": activation, "branches": branches}
    network = Architecture.published("ecbsr/M4C8").replaced(**choices).build()
    with torch.no_grad():
        features = network.layers[:-1](torch.rand(1, 1, 12, 12))
    assert 0.05 < features.square().mean().sqrt() < 5


def authors_state(blocks: int, width: int) -> dict[str, Tensor]:
    """Random tensors under the names of the official code, of its network with branches."""
    state = {}
    widths = [1, *[width] * (blocks + 1), 4]
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        wide = 2 * outputs
        shapes = {
            "conv3x3.weight": (outputs, inputs, 3, 3),
            "conv3x3.bias": (outputs,),
            "conv1x1_3x3.k0": (wide, inputs, 1, 1),
            "conv1x1_3x3.b0": (wide,),
            "conv1x1_3x3.k1": (outputs, wide, 3, 3),
            "conv1x1_3x3.b1": (outputs,),
        }
        for branch in SHORT:
            shapes |= {f"{branch}.k0": (outputs, inputs, 1, 1), f"{branch}.b0": (outputs,)}
            shapes |= {f"{branch}.scale": (outputs, 1, 1, 1), f"{branch}.bias": (outputs,)}
        if i <= blocks:
            shapes["act.weight"] = (outputs,)
        state |= {f"backbone.{i}.{name}": 0.3 * torch.randn(shape) for name, shape in shapes.items()}
        for branch, name in SHORT.items():
            state[f"backbone.{i}.{branch}.mask"] = torch.tensor(FILTERS[name]).expand(outputs, 1, 3, 3)
    return state


def authors_block(state: dict[str, Tensor], image: Tensor, i: int) -> Tensor:
    """The block as the official code computes it in training: each 1x1 padded by its own bias."""
    at = {name.removeprefix(f"backbone.{i}."): tensor for name, tensor in state.items()}

    def after_1x1(branch: str, weight: Tensor, bias: Tensor, groups: int) -> Tensor:
        own = at[f"{branch}.b0"].view(1, -1, 1, 1)
        wide = F.pad(F.conv2d(image, at[f"{branch}.k0"]), (1, 1, 1, 1)) + own
        return F.conv2d(wide, weight, bias, groups=groups)

    output = F.conv2d(image, at["conv3x3.weight"], at["conv3x3.bias"], padding=1)
    output = output + after_1x1("conv1x1_3x3", at["conv1x1_3x3.k1"], at["conv1x1_3x3.b1"], 1)
    for branch in SHORT:
        filters = at[f"{branch}.scale"] * at[f"{branch}.mask"]
        output = output + after_1x1(branch, filters, at[f"{branch}.bias"], len(filters))
    return F.prelu(output, at["act.weight"]) if f"backbone.{i}.act.weight" in state else output


def test_weights_trained_with_the_official_code_compute_the_same() -> None:
    torch.manual_seed(0)
    theirs, point = authors_state(4, 8), Architecture.published("ecbsr/M4C8")
    network = point.build()
    found = fit(SPACES.get("ecbsr").translate(theirs, 2, 1), network)
    assert found.faults == 0, found.describe()
    load(found, network)
    image = torch.rand(1, 1, 9, 8)
    expected = image
    for i in range(6):
        expected = authors_block(theirs, expected, i)
    expected = F.pixel_shuffle(expected + image, 2)
    for form in (network, fused(network)):
        assert torch.allclose(form(image), expected, atol=1e-4 * expected.abs().max())
