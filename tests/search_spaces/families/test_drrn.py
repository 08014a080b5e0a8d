import pytest
import torch
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.layers.interpolation import interpolate

B1U9 = Architecture.published("drrn/DRRN-B1U9")


def test_every_unit_applies_the_same_two_convolutions_and_adds_the_first_features() -> None:
    network = B1U9.replaced(width=16).build()
    weights = network.state_dict()
    enter, write = weights["body.blocks.0.entry.weight"], weights["body.last.weight"]
    first, second = (weights[f"body.blocks.0.units.0.{i}.weight"] for i in (1, 3))
    image = torch.rand(1, 1, 6, 5)
    enlarged = interpolate(image, 2, "smooth")
    start = features = F.conv2d(F.relu(enlarged), enter, padding=1)
    for _ in range(9):
        inner = F.conv2d(F.relu(features), first, padding=1)
        features = start + F.conv2d(F.relu(inner), second, padding=1)
    expected = enlarged + F.conv2d(F.relu(features), write, padding=1)
    assert torch.allclose(network(image), expected, rtol=1e-4, atol=1e-4)


def test_units_cost_no_parameters_unless_they_are_not_shared() -> None:
    more = cost(B1U9.replaced(units=25))
    assert more.params == cost(B1U9).params == 297_216
    unit = 2 * 9 * 128**2
    assert more.macs - cost(B1U9).macs == 16 * unit * 1280 * 720
    assert cost(B1U9.replaced(shared_units=False)).params == 297_216 + 8 * unit


@pytest.mark.parametrize("shared", [False, True])
def test_a_further_block_has_weights_of_its_own(shared: bool) -> None:
    small = B1U9.replaced(width=16, units=2, shared_units=shared)
    block = 9 * 16**2 * (1 + 2 * (1 if shared else 2))
    assert cost(small.replaced(blocks=3)).params - cost(small).params == 2 * block


def test_within_an_image_skip_the_image_is_not_rectified() -> None:
    network = B1U9.replaced(image_skip=True, width=16).build().network
    torch.nn.init.normal_(network.body.last.weight)
    dark = torch.full((1, 1, 6, 6), -0.2)
    assert network(dark).abs().max() > 0


def test_the_names_of_the_port_are_understood() -> None:
    theirs = {f"{name}.weight": torch.empty(0) for name in ("input", "conv1", "conv2", "output")}
    assert SPACES.get("drrn").translate(theirs, 2, 1).keys() == B1U9.build().state_dict().keys()
