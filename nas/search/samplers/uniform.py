"""Random search, the baseline that every other sampler must beat."""

from collections.abc import Iterator

from nas.search.samplers.sampler import Sampler, register
from nas.search.samplers.seen import Seen
from search_spaces import Choices


@register("random")
class Uniform(Sampler):
    """Every value of a choice is as likely as the others, among what fits the budget."""

    def draws(self, seen: Seen) -> Iterator[Choices]:
        """Yield random candidates."""
        return self.random()
