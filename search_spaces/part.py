"""Pieces of a network whose costs add up."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from search_spaces.choices import Choice


@dataclass(frozen=True)
class Part:
    """A piece of a network whose cost does not depend on the rest: the cost of each part is counted once and added.

    `build(*args)` makes a module that takes [N, inputs, H', W'], where H' and W' are the sides of the LR image over
    `divisor`, rounded up. The network has `repeats` copies of it.
    """

    build: Callable[..., nn.Module]
    args: tuple[Choice, ...]
    inputs: int
    divisor: int = 1
    repeats: int = 1
    timed_as: tuple[Choice, ...] | None = None
    """The arguments of this piece, if `args` build a different piece with the same cost but another speed."""
