"""What the cheapest network of a space costs, also of one that its user has narrowed."""

from nas.budget import Budget
from nas.cost import Cost, cost
from nas.image_size import Size
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.narrowed import NarrowedSpace


def smallest_cost(space: SearchSpace, scale: int, channels: int, fixed: Choices, hr_size: Size, budget: Budget) -> Cost:
    """Return the cost of the cheapest network by what `budget` limits, or of any that fits it.

    A space knows its cheapest network, but not the cheapest within what a user left of it: there each choice that may
    not have its cheapest value takes, in turn, that of the others which costs least, until no exchange saves anything.
    The least memory may be another network's than the fewest parameters, so for it every choice is exchanged.
    """

    def price(choices: Choices) -> Cost:
        return cost(Architecture(space.name, scale, channels, choices), hr_size)

    best: dict[str, Choice] = {**space.smallest, **fixed}
    least = price(best)
    exchanged = space.excluded if isinstance(space, NarrowedSpace) else ()
    free = [name for name in (space.options if budget.cost == "memory" else exchanged) if name not in fixed]
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
