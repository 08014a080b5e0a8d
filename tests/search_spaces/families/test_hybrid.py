import random
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from nas.cost import cost, screening_cost
from search_spaces import SPACES, Architecture, Choices
from search_spaces.families.hybrid import CELLS, HybridNetwork, plan
from search_spaces.families.hybrid_seeds import IDENTITY, SEEDS, point
from search_spaces.layers.blocks import BLOCKS
from search_spaces.layers.fused import fused
from search_spaces.layers.interpolation import interpolate
from search_spaces.layers.upsample import UPSAMPLERS

HYBRID = SPACES.get("hybrid")


def architecture(choices: Choices, scale: int = 2, channels: int = 1) -> Architecture:
    return Architecture("hybrid", scale, channels, choices)


def drawn(seed: int) -> Choices:
    generator = random.Random(seed)
    return {name: generator.choice(values) for name, values in HYBRID.parameters().items()}


def names_of(network: nn.Module) -> set[str]:
    return {name for name, _ in network.named_parameters()}


# What is reachable


def test_a_network_described_before_its_input_was_a_choice_is_the_same_network() -> None:
    now = architecture(point("ecb x4", width=12, activation="prelu", body_skip=True))
    before = {name: value for name, value in now.choices.items() if name != "input"}
    assert Architecture.from_dict({**now.to_dict(), "choices": before}) == now
    assert now.fingerprint == "ca71533db5f8d683"
    assert now.replaced(input="sharpened") != now


def test_a_sharpened_input_changes_the_function_and_costs_nothing() -> None:
    plain = architecture(point("conv x3"))
    sharpened = plain.replaced(input="sharpened")
    assert screening_cost(sharpened) == screening_cost(plain)
    torch.manual_seed(0)
    network = plain.build()
    twin = sharpened.build()
    twin.load_state_dict(network.state_dict())
    image = torch.rand(1, 1, 9, 11)
    assert torch.equal(network(image), twin(image))  # untrained, both are the interpolation
    for both in (network, twin):
        torch.nn.init.ones_(both.network.tail.last.weight)
    assert not torch.allclose(network(image), twin(image))


def test_every_seed_has_a_sharpened_input() -> None:
    for family in HYBRID.seed_families.values():
        assert {choices["input"] for _, choices in family.sizes()} == {"sharpened"}


def test_a_plain_shallow_network_is_reached_exactly() -> None:
    network = architecture(point("conv x3", image_skip="none")).build()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in layers] == [(1, 32), (32, 32), (32, 32), (32, 32), (32, 4)]
    image = torch.rand(1, 1, 9, 11)
    expected = image
    for layer in layers[:-1]:
        expected = F.relu(F.conv2d(expected, layer.weight, layer.bias, padding=1))
    expected = F.pixel_shuffle(F.conv2d(expected, layers[-1].weight, layers[-1].bias, padding=1), 2)
    assert torch.equal(network(image), expected)


def test_the_deployed_shape_of_ecbsr_costs_what_ecbsr_does() -> None:
    choices = point("ecb x4", width=16, activation="prelu", image_skip="nearest")
    assert cost(architecture(choices)).params == 10_100  # M4C16


def test_the_sizes_that_devices_need_are_there() -> None:
    params = sorted(screening_cost(architecture(drawn(seed))).params for seed in range(60))
    assert cost(architecture(HYBRID.smallest)).params < 5_000
    assert params[len(params) // 10] < 100_000 and params[-len(params) // 10] > 1_500_000


def test_the_seeds_are_small_distinct_networks_of_the_space() -> None:
    seeds = [Architecture.published(f"hybrid/{name}") for name in SEEDS]
    assert len({seed.fingerprint for seed in seeds}) == len(seeds)
    assert all(20_000 < cost(seed).params < 300_000 for seed in seeds)
    assert all(HYBRID.canonical(seed.choices) == seed.choices for seed in seeds)


# The canonical form


def test_identity_cells_may_stand_anywhere() -> None:
    first = point("conv x2 | esa e2")
    moved = {**point("conv x2 | identity | esa e2")}
    assert architecture(first).fingerprint == architecture(moved).fingerprint


def test_what_an_identity_says_besides_has_no_effect() -> None:
    cells = {f"cell{i}.{key}": value for i in (2, 5) for key, value in (("repeats", 4), ("kernel", 7), ("reach", 2))}
    assert architecture({**point("esa"), **cells}).fingerprint == architecture(point("esa")).fingerprint


@pytest.mark.parametrize("bits", list(product((False, True), repeat=3)))
def test_selecting_none_but_the_last_or_all_is_said_in_one_way(bits: tuple[bool, ...]) -> None:
    choices = point("esa | esa | esa", fusion="selected") | {f"cell{i}.fused": b for i, b in enumerate(bits, start=1)}
    canonical = HYBRID.canonical(choices)
    assert canonical["cell3.fused"] is True  # or the last cell would have no effect
    assert canonical["fusion"] == ("concat" if all(bits[:2]) else "selected")


def test_every_parameter_of_any_network_gets_a_gradient() -> None:
    for seed in range(40):
        choices = {**drawn(seed), "width": 8, "image_skip": "none"}
        network = architecture(choices).build()
        for parameter in network.parameters():  # what starts at zero hides what lies before it
            nn.init.normal_(parameter, std=0.1)
        network(torch.rand(1, 1, 6, 7)).square().mean().backward()
        assert all(p.grad is not None for p in network.parameters())


def test_the_count_follows_from_enumerating_a_smaller_space() -> None:
    """Two cells of three blocks and two repeats, counted by the same reasoning, and by hand."""
    names = [n for n in HYBRID.parameters() if n.startswith(("cell1", "cell2")) or n in ("fusion", "body_skip")]
    few = {"block": ("conv", "esa", IDENTITY), "repeats": (1,), "kernel": (3,), "expansion": (1, 2)}
    values = [few.get(name.rpartition(".")[2], HYBRID.parameters()[name]) for name in names]
    seen = {
        architecture({**point(""), **dict(zip(names, drawn, strict=True))}).fingerprint for drawn in product(*values)
    }
    cells = 1 + 2  # conv, which expansion has no effect on, and esa
    single, pairs = cells, cells * cells * 2  # the second cell may reach the head
    assert len(seen) == 1 + single * 2 * 2 + pairs * 3 * 2


# Connections


def test_a_reach_adds_an_earlier_node() -> None:
    settled = plan(point("conv | conv r1 | conv r2", image_skip="none"))
    network = HybridNetwork(settled, 2, 1)
    image = torch.rand(1, 1, 8, 8)
    head = network.head(image)
    first = network.cells[0](head)
    second = network.cells[1](first + head)
    third = network.cells[2](second + head)
    assert torch.equal(network(image), network.tail(third))


def test_fusion_and_body_skip() -> None:
    settled = plan(point("esa fused | conv | conv", fusion="selected", body_skip=True, image_skip="none"))
    network = HybridNetwork(settled, 2, 1)
    image = torch.rand(1, 1, 8, 8)
    head = network.head(image)
    first = network.cells[0](head)
    last = network.cells[2](network.cells[1](first))
    assert torch.equal(network(image), network.tail(network.merge(torch.cat([first, last], 1)) + head))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_half_the_resolution_costs_about_a_quarter(scale: int) -> None:
    full, half = (cost(architecture(point("residual x4 e2", width=32, resolution=r), scale)) for r in ("full", "half"))
    assert half.macs < 0.35 * full.macs
    assert half.params > full.params


@pytest.mark.parametrize("mode", ["nearest", "bicubic"])
def test_an_untrained_network_is_the_interpolation(mode: str) -> None:
    image = torch.rand(1, 1, 7, 9)
    expected = interpolate(image, 2) if mode == "bicubic" else F.interpolate(image, scale_factor=2.0)
    for upsampler in UPSAMPLERS:
        network = architecture(point("esa | safm", upsampler=upsampler, image_skip=mode)).build()
        assert torch.equal(network(image), expected)


# Screening


def test_screening_counts_exactly_what_cost_does() -> None:
    @settings(max_examples=12, deadline=None)
    @given(st.integers(0, 10**6), st.sampled_from([2, 3, 4]), st.sampled_from([1, 3]), st.sampled_from([640, 322]))
    def law(seed: int, scale: int, channels: int, width: int) -> None:
        candidate = architecture(drawn(seed), scale, channels)
        whole, screened = cost(candidate, (width, 241)), screening_cost(candidate, (width, 241))
        assert (screened.params, screened.macs) == (whole.params, whole.macs)

    law()


def test_a_part_is_timed_as_one_that_counts_the_same() -> None:
    for seed in range(40):
        for part in HYBRID.parts(drawn(seed), 2, 1):
            counted, timed = (fused(part.build(*args)).eval() for args in (part.args, part.timed_as or part.args))
            assert size(counted) == size(timed)
            features = torch.rand(1, part.inputs, 16, 16)
            assert counted(features).shape == timed(features).shape


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_activations_that_count_alike_are_timed_each() -> None:
    def timed(choices: Choices) -> list[object]:
        return [part.timed_as for part in HYBRID.parts(choices, 2, 1)]

    plain = {act: timed(point("conv x3", activation=act)) for act in ("relu", "gelu", "silu")}
    assert plain["relu"][0] == (1, 32, "relu") and plain["gelu"][0] == (1, 32, "gelu")
    assert plain["silu"][1] == ("conv", 32, 3, 1, "silu")
    # A block with an activation of its own takes the same time whatever that of the network.
    assert timed(point("span e2", activation="gelu"))[1] == timed(point("span e2"))[1]


def test_every_block_can_be_chosen_in_every_cell() -> None:
    for i in range(1, CELLS + 1):
        assert HYBRID.parameters()[f"cell{i}.block"] == (*BLOCKS, IDENTITY)


@pytest.mark.parametrize("width", [12, 20, 28, 44, 60])
def test_every_block_computes_at_widths_that_eight_does_not_divide(width: int) -> None:
    for block in set(BLOCKS) - {IDENTITY}:
        for expansion in (1, 2, 3):
            network = architecture(point(f"{block} x2 e{expansion}", width=width)).build()
            with torch.no_grad():
                assert network(torch.rand(1, 1, 17, 12)).shape == (1, 1, 34, 24), (block, expansion)
