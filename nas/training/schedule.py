"""The schedule of a training: ranges of steps with the same settings, and the learning rate of each step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cosine:
    """A learning rate that rises linearly and falls as a cosine (Loshchilov & Hutter, 1608.03983)."""

    begin: int
    end: int
    """The step after the last step."""
    peak: float
    rise: int
    """Number of steps in which the learning rate rises, from `peak / rise` to `peak`."""
    final: float
    """The learning rate at the end, as a share of the peak."""

    def at(self, step: int) -> float:
        """Return the learning rate of a step, `begin` or later."""
        done = step - self.begin
        if done < self.rise:
            return self.peak * (done + 1) / self.rise
        progress = (done - self.rise) / max(1, self.end - self.begin - self.rise)
        return self.peak * (self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2)


@dataclass(frozen=True)
class Phase:
    """A range of steps with the same settings."""

    begin: int
    end: int
    """The step after the last step."""
    losses: Mapping[str, float]
    """A loss's name → its weight."""
    batch: int
    patch: int
    learning_rate: Cosine
    """The cosine may begin before the phase and end after it."""


def cosines(peaks: Mapping[int, float], steps: int, rise: int, final: float) -> list[Cosine]:
    """Return a cosine for each step in `peaks`, with this peak; it ends where the next cosine begins, or at `steps`.

    A cosine that begins at step 0 rises for `rise` steps.
    """
    begins = sorted(peaks)
    ends = [*begins[1:], steps]
    found = []
    for begin, end in zip(begins, ends, strict=True):
        found.append(Cosine(begin, end, peaks[begin], rise=rise if begin == 0 else 0, final=final))
    return found
