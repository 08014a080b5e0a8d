"""What the steps of a training are made with, as a recipe plans it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cosine:
    """A learning rate that rises linearly and falls as a cosine (Loshchilov & Hutter, 1608.03983)."""

    begin: int
    end: int
    """The step after the last."""
    peak: float
    rise: int
    """For how many steps it rises; the first of them has `peak / rise`."""
    final: float
    """The share of the peak that it falls to."""

    def at(self, step: int) -> float:
        """Return the learning rate of a step from `begin` on."""
        done = step - self.begin
        if done < self.rise:
            return self.peak * (done + 1) / self.rise
        progress = (done - self.rise) / max(1, self.end - self.begin - self.rise)
        return self.peak * (self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2)


@dataclass(frozen=True)
class Phase:
    """Consecutive steps that are made alike."""

    begin: int
    end: int
    """The step after the last."""
    losses: Mapping[str, float]
    """Their weights."""
    batch: int
    patch: int
    learning_rate: Cosine
    """It may have begun before the phase, and may go on after it."""
