"""What every registered space promises, whoever wrote it: `CASES` are functions of the space."""

import json
import math
import random
from collections.abc import Callable, Iterator
from itertools import product

import counting
import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.cost import cost, screening_cost
from nas.data.synthetic import scene
from nas.deploy.locality import redrawn
from nas.deploy.tiles import upscale
from search_spaces import SPACES, Architecture, Choice, Choices, SearchSpace, SpaceError, UnknownNameError
from search_spaces.layers.collapsible import fused

Case = Callable[[SearchSpace], None]
CASES: list[Case] = []

quick = settings(max_examples=20, deadline=None)


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def any_choices(space: SearchSpace) -> st.SearchStrategy[dict[str, Choice]]:
    values = [st.sampled_from(values) for values in space.parameters().values()]
    return st.tuples(*values).map(lambda drawn: dict(zip(space.parameters(), drawn, strict=True)))


def samples(space: SearchSpace, count: int) -> Iterator[Choices]:
    generator = random.Random(0)
    for _ in range(count):
        yield {name: generator.choice(values) for name, values in space.parameters().items()}


def light_samples(space: SearchSpace, count: int) -> list[Choices]:
    """Random choices whose networks run in a moment on small images: the cheapest of four times as many."""
    drawn = list(samples(space, 4 * count))
    return sorted(drawn, key=lambda choices: screening_cost(architecture(space, choices)).macs)[:count]


def architecture(space: SearchSpace, choices: Choices) -> Architecture:
    return Architecture(space.name, space.scales[0], space.channels[0], choices)


def scrambled(network: nn.Module) -> nn.Module:
    """Give every parameter a value, so that nothing that starts at zero hides what it does."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        fan_in = max(1, parameter[0].numel()) if parameter.dim() > 1 else 4
        parameter.data = torch.randn(parameter.shape, generator=generator) / fan_in**0.5
    return network.eval()


def runs_forward_and_backward(asked: Architecture, height: int, width: int) -> None:
    """Build a network, and give it an image of so many pixels, or as many as it needs."""
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
    """To half a count of 16 bits, or the network is not tiled; with large weights, so that everything shows."""
    scale, image = space.scales[0], torch.from_numpy(scene(3, 71, 101)).float()[None, None] / 255
    network = redrawn(fused(space.build(space.smallest, scale, 1))).eval()
    with torch.no_grad():
        whole = network(image)
    difference = (upscale(network, image, scale, tile=16) - whole).abs().max()
    assert difference < 0.5 / 65535 * (whole.max() - whole.min())


@case
def choices_are_the_parameters_of_a_trial(space: SearchSpace) -> None:
    @quick
    @given(any_choices(space))
    def law(choices: Choices) -> None:
        asked = Architecture.suggest(space.name, 2, 1, optuna.trial.FixedTrial(dict(choices)))
        assert asked.choices == choices
        assert {name: type(value) for name, value in asked.choices.items()} == {n: type(v) for n, v in choices.items()}

    law()


@case
def every_trial_is_asked_for_the_same_names(space: SearchSpace) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(10):
        trial = study.ask()
        choices = space.suggest(trial)
        assert choices == trial.params
        assert list(choices) == list(trial.params) == list(space.parameters())
        space.check(choices)


@case
def yaml_and_trials_give_the_architecture_back(space: SearchSpace) -> None:
    @quick
    @given(any_choices(space), st.sampled_from(space.scales), st.sampled_from(space.channels))
    def law(choices: Choices, scale: int, channels: int) -> None:
        first = Architecture(space.name, scale, channels, choices)
        read = Architecture.from_yaml(first.to_yaml())
        again = Architecture.suggest(space.name, scale, channels, optuna.trial.FixedTrial(dict(read.choices)))
        assert read == again == first
        assert again.to_yaml() == first.to_yaml()
        assert again.fingerprint == first.fingerprint

    law()


@case
def fingerprints_are_equal_exactly_for_equal_canonical_choices(space: SearchSpace) -> None:
    @quick
    @given(any_choices(space), st.data())
    def law(choices: Choices, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(choices)))
        other = {**choices, name: data.draw(st.sampled_from(space.parameters()[name]))}
        same = space.canonical(choices) == space.canonical(other)
        assert (architecture(space, choices).fingerprint == architecture(space, other).fingerprint) == same

    law()


@case
def fingerprints_do_not_depend_on_the_order_of_the_choices(space: SearchSpace) -> None:
    for choices in light_samples(space, 5):
        turned = dict(reversed(choices.items()))
        assert architecture(space, turned).fingerprint == architecture(space, choices).fingerprint


@case
def the_scale_and_the_channels_are_part_of_the_fingerprint(space: SearchSpace) -> None:
    forms = [(s, c) for s in space.scales for c in space.channels]
    assert len({Architecture(space.name, s, c, space.smallest).fingerprint for s, c in forms}) == len(forms)


@case
def canonical_choices_belong_to_the_space_and_are_a_fixed_point(space: SearchSpace) -> None:
    @quick
    @given(any_choices(space))
    def law(choices: Choices) -> None:
        canonical = space.canonical(choices)
        space.check(canonical)
        assert space.canonical(canonical) == canonical

    law()


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
def the_count_is_that_of_the_distinct_canonical_choices(space: SearchSpace) -> None:
    whole = math.prod(map(len, space.parameters().values()))
    assert 1 <= space.count() <= whole
    if whole <= 20_000:
        every = (dict(zip(space.parameters(), v, strict=True)) for v in product(*space.parameters().values()))
        assert space.count() == len({json.dumps(dict(space.canonical(c)), sort_keys=True) for c in every})


@case
def it_says_what_it_is_in_a_line(space: SearchSpace) -> None:
    assert 10 <= len(space.summary) <= 100 and "\n" not in space.summary


@case
def what_a_search_pins_belongs_to_the_space(space: SearchSpace) -> None:
    space.check({**space.smallest, **space.pinned})


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


@case
def an_unknown_choice_is_refused_with_the_nearest_name(space: SearchSpace) -> None:
    name = list(space.smallest)[-1]
    with pytest.raises(SpaceError, match=f"no choice of the space '{space.name}' named '{name}x'; did you mean '"):
        space.build({**space.smallest, f"{name}x": 1}, space.scales[0], 1)


@case
def a_missing_choice_is_named(space: SearchSpace) -> None:
    name = next(iter(space.smallest))
    fewer = {key: value for key, value in space.smallest.items() if key != name}
    with pytest.raises(SpaceError, match=f"lacks the choice '{name}'"):
        space.build(fewer, space.scales[0], 1)


@case
def a_value_that_a_choice_may_not_take_is_refused(space: SearchSpace) -> None:
    for name, values in space.parameters().items():
        for wrong in ("nonsense", -1, None, float("nan"), [values[0]]):
            with pytest.raises(SpaceError, match=f"'{name}' may be "):
                space.check({**space.smallest, name: wrong})


@case
def numbers_and_truth_values_are_not_confused(space: SearchSpace) -> None:
    for name, values in space.parameters().items():
        for value in values:
            for confused in (bool(value), int(value), float(value)) if isinstance(value, int) else ():
                if type(confused) is not type(value) and confused == value:
                    with pytest.raises(SpaceError, match=f"'{name}' may be "):
                        space.check({**space.smallest, name: confused})


@case
def a_scale_or_channel_count_that_it_cannot_build_is_refused(space: SearchSpace) -> None:
    with pytest.raises(SpaceError, match=r"builds scales \[.*\], not 5"):
        space.build(space.smallest, 5, space.channels[0])
    with pytest.raises(SpaceError, match=r"builds \[.*\] channels, not 2"):
        space.build(space.smallest, space.scales[0], 2)


@case
def an_unknown_published_point_is_refused_with_the_nearest_name(space: SearchSpace) -> None:
    for name in space.published:
        with pytest.raises(UnknownNameError, match=f"did you mean '{name}'"):
            Architecture.published(f"{space.name}/{name.lower()}")
