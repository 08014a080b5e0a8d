"""Cases for the choices of a space: how they are asked, stored, counted and refused."""

import json
import math
from itertools import product

import optuna
import pytest
from cases import any_choices, architecture, case, light_samples, quick
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Architecture, Choices, SearchSpace, SpaceError, UnknownNameError


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
