"""From the sum of a network's parts to the time of the whole network, and how far off that is."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[float, float]
"""The sum of the times of a network's parts, and the time of the network, both measured in ms."""

ENOUGH_FOR_OFFSET = 4
"""With fewer pairs the line goes through the origin."""


@dataclass(frozen=True)
class Line:
    """ms = offset + slope · sum.

    The slope holds what parts lose by being measured alone, such as conversions of the memory layout at their ends; the
    offset holds what every network has beside its parts.
    """

    slope: float = 1.0
    offset: float = 0.0

    def ms(self, parts_ms: float) -> float:
        """Return the time of a network whose parts take `parts_ms` together."""
        return self.offset + self.slope * parts_ms


@dataclass(frozen=True)
class LineError:
    """How far off predictions of whole networks are, as shares of the measured times."""

    median: float
    largest: float
    networks: int
    """How many were measured."""


def fit(pairs: Sequence[Pair]) -> Line:
    """Return the line of the least sum of absolute relative deviations, with no negative offset; steady if one is off.

    Such a line goes through two of the points, or through the origin and one (the corners of a linear program), so all
    of these are tried. Without pairs it is the sum itself.
    """
    through_origin = [Line(ms / parts) for parts, ms in pairs]
    through_two = [
        Line(slope, offset)
        for (p, a), (q, b) in itertools.combinations(pairs, 2)
        if p != q and (slope := (b - a) / (q - p)) > 0 and (offset := a - slope * p) >= 0
    ]
    lines = through_origin + (through_two if len(pairs) >= ENOUGH_FOR_OFFSET else [])
    return min(lines, key=lambda line: sum(relative_error(line, pair) for pair in pairs), default=Line())


def relative_error(line: Line, pair: Pair) -> float:
    """Return by what share of the measured time the line is off."""
    parts, ms = pair
    return abs(line.ms(parts) / ms - 1)


def left_out(fitted: Sequence[Pair], others: Sequence[Pair] = ()) -> LineError | None:
    """Return the error of the line through `fitted`, each of which is predicted by a line through the others of them.

    `others` are networks that were not fitted anyway. None where nothing was measured.
    """
    rest = [[*fitted[:i], *fitted[i + 1 :]] for i in range(len(fitted))]
    errors = [relative_error(fit(kept), pair) for kept, pair in zip(rest, fitted, strict=True)]
    errors += [relative_error(fit(fitted), pair) for pair in others]
    return LineError(statistics.median(errors), max(errors), len(errors)) if errors else None
