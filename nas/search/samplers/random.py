"""Random search, the baseline that every other sampler must beat: over the choices, and over the costs."""

from collections.abc import Iterator

from nas.search.samplers.observations import Observations
from nas.search.samplers.sampler import Sampler, register
from search_spaces import Choices


@register("random")
class Uniform(Sampler):
    """Random networks within the budget: all values of a choice have the same probability."""

    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield random candidates."""
        return self.random()


@register("spread")
class Spread(Sampler):
    """Random networks of every cost: each factor of two up to the budget has the same probability."""

    def draws(self, observed: Observations) -> Iterator[Choices]:
        """Yield random candidates of any cost within the budget."""
        while True:
            yield self.problem.random_by_cost(self.rng)
