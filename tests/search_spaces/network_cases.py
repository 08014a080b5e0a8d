"""Cases for the networks and the costs of a space: what the networks compute, and what is counted."""

import counting
import pytest
import torch
from cases import architecture, case, light_samples, samples
from torch import nn

from nas.cost import cost, screening_cost
from nas.data.synthetic import scene
from nas.deploy.locality import redrawn
from nas.deploy.tiles import upscale
from search_spaces import SPACES, Architecture, SearchSpace
from search_spaces.layers.fused import fused


def scrambled(network: nn.Module) -> nn.Module:
    """Give every parameter a random value, so that no parameter that starts at zero hides an effect."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 4
        parameter.data = torch.randn(parameter.shape, generator=generator) / fan_in**0.5
    return network.eval()


def runs_forward_and_backward(asked: Architecture, height: int, width: int) -> None:
    """Build a network and run it on an image of the given size, or of the space's minimum size if that is larger."""
    side, scale = SPACES.get(asked.space).minimum_side, asked.scale
    height, width = max(side, height), max(side, width)
    network = asked.build()
    output = network(torch.rand(1, asked.channels, height, width))
    assert output.shape == (1, asked.channels, scale * height, scale * width)
    output.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@case
def every_scale_and_channel_count_is_built_and_trains_on_odd_sizes(space: SearchSpace) -> None:
    choices = [space.smallest, *light_samples(space, 5)]
    for index, (scale, channels) in enumerate((s, c) for s in space.scales for c in space.channels):
        some = choices[index % len(choices)]
        runs_forward_and_backward(Architecture(space.name, scale, channels, some), 33, 47)


@case
def the_smallest_input_is_taken(space: SearchSpace) -> None:
    side = space.minimum_side
    for choices in light_samples(space, 3):
        output = space.build(choices, space.scales[0], 1)(torch.rand(1, 1, side, side))
        assert output.shape[-2:] == (space.scales[0] * side, space.scales[0] * side)


@case
def the_images_of_a_batch_do_not_mix(space: SearchSpace) -> None:
    side = max(12, space.minimum_side)
    batch = torch.rand(2, 1, side, side)
    for choices in light_samples(space, 3):
        network = scrambled(space.build(choices, space.scales[0], 1))
        with torch.no_grad():
            alone = torch.cat([network(batch[:1]), network(batch[1:])])
            assert torch.allclose(network(batch), alone, rtol=1e-4, atol=1e-4 * alone.abs().max().item())


@case
def the_input_is_left_as_it_was(space: SearchSpace) -> None:
    image = torch.rand(1, 1, max(8, space.minimum_side), max(8, space.minimum_side))
    before = image.clone()
    for choices in light_samples(space, 5):
        space.build(choices, space.scales[0], 1)(image)
        assert torch.equal(image, before)


@case
def the_inference_form_computes_the_same(space: SearchSpace) -> None:
    image = torch.rand(1, 1, max(12, space.minimum_side), max(12, space.minimum_side))
    for choices in light_samples(space, 3):
        network = scrambled(space.build(choices, space.scales[0], 1))
        with torch.no_grad():
            expected = network(image)
            assert torch.allclose(fused(network)(image), expected, atol=1e-5 * max(1, expected.abs().max().item()))


@case
def tiles_give_what_the_whole_image_gives(space: SearchSpace) -> None:
    """Tiles agree with the whole image to half a count of 16 bits, or the network is not tiled.

    The weights are large, so that every difference shows.
    """
    scale, image = space.scales[0], torch.from_numpy(scene(3, 71, 101)).float()[None, None] / 255
    network = redrawn(fused(space.build(space.smallest, scale, 1))).eval()
    with torch.no_grad():
        whole = network(image)
    difference = (upscale(network, image, scale, tile=16) - whole).abs().max()
    assert difference < 0.5 / 65535 * (whole.max() - whole.min())


@case
def the_canonical_network_computes_the_same(space: SearchSpace) -> None:
    if type(space).canonical is SearchSpace.canonical:
        return
    image = torch.rand(1, 1, max(9, space.minimum_side), max(10, space.minimum_side))
    seen = 0
    for choices in light_samples(space, 10):
        canonical = space.canonical(choices)
        if canonical == choices:
            continue
        network = scrambled(space.build(choices, space.scales[0], 1))
        twin = space.build(canonical, space.scales[0], 1).eval()
        twin.load_state_dict(network.state_dict())
        with torch.no_grad():
            assert torch.equal(network(image), twin(image))
        if (seen := seen + 1) == 8:
            break


@case
def the_smallest_network_is_not_dearer_than_any_other(space: SearchSpace) -> None:
    least = screening_cost(architecture(space, space.smallest))
    others = [*samples(space, 50), *(published.choices for published in space.published.values())]
    prices = [screening_cost(architecture(space, choices)) for choices in others]
    assert least.macs <= min(price.macs for price in prices)
    assert least.params <= min(price.params for price in prices)


@case
def the_costs_of_the_parts_add_up_to_that_of_the_whole(space: SearchSpace) -> None:
    for choices in [space.smallest, *light_samples(space, 3)]:
        whole, parts = cost(architecture(space, choices)), screening_cost(architecture(space, choices))
        assert (parts.params, parts.macs) == (whole.params, whole.macs)


@case
def published_figures_are_met_when_counted_as_they_were(space: SearchSpace) -> None:
    for name, published in space.published.items():
        point = f"{space.name}/{name}"
        for claim in filter(None, (published.paper, published.article)):
            if claim.params is not None and not claim.params_counted.unexplained:
                assert counting.params(point, claim) == pytest.approx(claim.params, rel=0.01), (point, claim.source)
            if claim.macs is not None and not claim.macs_counted.unexplained:
                assert counting.macs(point, claim) == pytest.approx(claim.macs, rel=0.01), (point, claim.source)


@case
def the_torch_seed_decides_the_initialisation(space: SearchSpace) -> None:
    for choices in light_samples(space, 2):
        networks = []
        for seed in (7, 7, 8):
            torch.manual_seed(seed)
            networks.append(space.build(choices, space.scales[0], 1).state_dict())
        first, same, other = networks
        assert all(torch.equal(first[name], same[name]) for name in first)
        assert any(not torch.equal(first[name], other[name]) for name in first)
