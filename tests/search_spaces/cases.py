"""The list of cases that every space must pass, and choices on which to try them."""

import random
from collections.abc import Callable, Iterator

from hypothesis import settings
from hypothesis import strategies as st

from nas.cost import screening_cost
from search_spaces import Architecture, Choice, Choices, SearchSpace

Case = Callable[[SearchSpace], None]
CASES: list[Case] = []

quick = settings(max_examples=20, deadline=None)


def case(function: Case) -> Case:
    """Add a function to the cases."""
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
    """Return random choices with fast networks: the `count` cheapest of four times as many samples."""
    drawn = list(samples(space, 4 * count))
    return sorted(drawn, key=lambda choices: screening_cost(architecture(space, choices)).macs)[:count]


def architecture(space: SearchSpace, choices: Choices) -> Architecture:
    return Architecture(space.name, space.scales[0], space.channels[0], choices)
