import pytest
import torch
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import point
from search_spaces.layers.conv import conv
from search_spaces.layers.image_skip import ImageSkip
from search_spaces.layers.interpolation import interpolate


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ["falsr/FALSR-B", "moremnas/MoreMNAS-C"])
def test_an_untrained_network_is_exactly_bicubic_interpolation(name: str, scale: int) -> None:
    image = torch.rand(2, 1, 9, 11)
    network = Architecture.published(name, scale).replaced(image_skip=True).build()
    expected = F.interpolate(image, scale_factor=scale, mode="bicubic", align_corners=False)
    assert torch.equal(network(image), expected)


def test_the_first_training_step_can_move_it_away() -> None:
    network = Architecture.published("moremnas/MoreMNAS-C").replaced(image_skip=True).build()
    network(torch.rand(1, 1, 8, 8)).square().mean().backward()
    assert network.network.last.weight.grad.abs().max() > 0


@pytest.mark.parametrize("name", ["falsr/FALSR-C", "moremnas/MoreMNAS-D"])
def test_it_costs_neither_parameters_nor_multiply_adds(name: str) -> None:
    plain = Architecture.published(name)
    skipped = plain.replaced(image_skip=True)
    assert not plain.choices["image_skip"]
    assert cost(skipped).params == cost(plain).params
    assert cost(skipped).macs == cost(plain).macs


def test_the_learned_part_is_added_to_the_bicubic_image() -> None:
    last = conv(1, 4, 3)
    network = ImageSkip(torch.nn.Sequential(last, torch.nn.PixelShuffle(2)), last, 1, 2)
    torch.nn.init.constant_(last.bias, 0.5)
    image = torch.rand(1, 1, 6, 6)
    added = network(image) - interpolate(image, 2)
    assert torch.allclose(added, added.mean().expand_as(added), atol=1e-6)
    assert added.mean() > 0


def test_the_image_stays_float32_under_autocast() -> None:
    network = Architecture.published("moremnas/MoreMNAS-C").replaced(image_skip=True).build()
    image = torch.rand(1, 1, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network(image), interpolate(image, 2))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_learned_skip_starts_as_bicubic_interpolation_and_is_linear(scale: int) -> None:
    choices = point("conv x2", width=8, image_skip="learned")
    network = Architecture("hybrid", scale, 1, choices).build()
    image = torch.rand(1, 1, 9, 11)
    assert torch.equal(network(image), interpolate(image, scale))
    correction = network.network.correction
    torch.nn.init.normal_(correction[0].weight)
    assert torch.allclose(correction(2 * image), 2 * correction(image), atol=1e-5)
    assert correction(image).shape == (1, 1, 9 * scale, 11 * scale)
