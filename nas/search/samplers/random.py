"""Random search, the baseline that every other sampler must beat: over the choices, and over the costs."""

from collections.abc import Iterator

from nas.search.samplers.observations import Seen
from nas.search.samplers.sampler import Sampler, register
from search_spaces import Choices


@register("random")
class Uniform(Sampler):
    """Every value of a choice is as likely as the others, among what fits the budget."""

    def draws(self, seen: Seen) -> Iterator[Choices]:
        """Yield random candidates."""
        return self.random()


@register("spread")
class Spread(Sampler):
    """Random search over the costs: each factor of two up to the budget is as likely as the others."""

    def draws(self, seen: Seen) -> Iterator[Choices]:
        """Yield random candidates that cost anything from the least to the budget."""
        while True:
            yield self.problem.spread(self.rng)
