"""The cost of the cheapest network of a space or of a narrowed space."""

from collections.abc import Mapping

from nas.budget import Budget
from nas.cost import cost
from nas.image_size import Size
from nas.objectives import SCREENED
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.narrowed import NarrowedSpace


def smallest_cost(
    space: SearchSpace, scale: int, channels: int, fixed: Choices, hr_size: Size, budget: Budget
) -> Mapping[str, float]:
    """Return what the cheapest network costs by what `budget` limits, or any that fits it, beside the counted costs.

    A space knows its cheapest network by MACs and parameters, but not the cheapest within what a user left of it, nor
    by other costs. So this is a coordinate descent over the excluded choices (over all, for other costs), until no
    single change lowers the cost. `budget` must limit a cost that can be counted. Raises SpaceError where the space
    doesn't build that scale.
    """
    count = budget.objective.count
    assert count is not None

    def price(choices: Choices) -> dict[str, float]:
        architecture = Architecture(space.name, scale, channels, choices)
        return {**cost(architecture, hr_size).figures, budget.cost: count(architecture, hr_size)}

    best: dict[str, Choice] = {**space.smallest, **fixed}
    least = price(best)
    exchanged = space.excluded if isinstance(space, NarrowedSpace) else ()
    free = [name for name in (exchanged if budget.cost in SCREENED else space.options) if name not in fixed]
    saved = True
    while saved and budget.excess(least) > 0:
        saved = False
        for name in free:
            values = space.options[name]
            for value in (values[0], values[-1]) if isinstance(values, range) else values:
                other = best | {name: value}
                if budget.of(found := price(other)) < budget.of(least):
                    best, least, saved = other, found, True
    return least
