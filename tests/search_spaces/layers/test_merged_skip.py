import itertools

import pytest
import torch
from torch import nn

from search_spaces import SPACES, Architecture
from search_spaces.families import hybrid_seeds
from search_spaces.layers.fused import fused
from search_spaces.layers.merged_skip import End, MergedSkip, find_end
from search_spaces.layers.upsample import UPSAMPLERS


def hybrid(scale: int, channels: int = 1, **choices: object) -> nn.Module:
    """A small network of `hybrid` with random weights."""
    network = Architecture("hybrid", scale, channels, hybrid_seeds.point("conv x2", width=8, **choices)).build().eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_way_of_enlarging_computes_the_same_with_a_merged_skip(scale: int, channels: int) -> None:
    image = torch.rand(2, channels, 13, 10)
    ways = itertools.product(UPSAMPLERS, ("full", "half"), ("nearest", "bicubic", "learned"))
    for upsampler, resolution, image_skip in ways:
        network = hybrid(scale, channels, upsampler=upsampler, resolution=resolution, image_skip=image_skip)
        merged = fused(network)
        assert isinstance(merged, MergedSkip)
        with torch.no_grad():
            expected = network(image)
            assert (merged(image) - expected).abs().max() < 1e-5 * expected.abs().max()
        assert merged.factors == [1.0] * len(merged.networks)  # the factor is in the weights


def shuffles(network: nn.Module) -> int:
    """The number of pixel shuffles of a network."""
    return sum(isinstance(module, nn.PixelShuffle) for module in network.modules())


def test_network_and_skip_share_one_pixel_shuffle() -> None:
    assert shuffles(fused(hybrid(2, image_skip="learned", input="sharpened"))) == 1
    assert shuffles(fused(hybrid(2, resolution="half"))) == 2  # of other factors


@pytest.mark.parametrize("space", [space for space in SPACES if "image_skip" in space.options], ids=lambda s: s.name)
def test_no_space_is_left_with_a_factor_or_an_interpolation(space: object) -> None:
    name, point = space.name, next(iter(space.published))
    architecture = Architecture.published(f"{name}/{point}", space.scales[0])
    on = True if isinstance(architecture.choices["image_skip"], bool) else "bicubic"
    network = fused(architecture.replaced(image_skip=on).build())
    assert isinstance(network, MergedSkip)
    # The output of DRCN is a weighted sum of several outputs of its last convolution.
    assert network.factors == ([0.1] if name == "drcn" else [1.0])


def test_the_end_of_a_network_is_found_behind_a_crop_but_not_behind_anything_else() -> None:
    class Cropped(nn.Sequential):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            return super().forward(input)[..., :9, :]

    shuffled = nn.Conv2d(1, 4, 3, padding=1), nn.PixelShuffle(2)
    assert find_end(nn.Sequential(*shuffled), 1) == End("0", "1", 2)
    assert find_end(Cropped(*shuffled), 1) == End("0", None, 2)
    assert find_end(nn.Sequential(*shuffled, nn.Tanh()), 1) == End()
    twice = nn.Conv2d(1, 1, 1)
    assert find_end(nn.Sequential(twice, nn.ReLU(), twice), 1) == End()
