"""The line that predicts the time of a network from the sum of the times of its parts, and its error."""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[float, float]
"""(sum of the times of a network's parts, time of the network), both measured in ms."""

ENOUGH_FOR_OFFSET = 4
"""Minimum number of pairs for a line with an offset. With fewer pairs the line goes through the origin."""


@dataclass(frozen=True)
class Line:
    """ms = offset + slope · sum.

    The slope corrects that parts are measured alone, with conversions of the memory layout at their ends. The offset is
    the time that every network needs beside its parts.
    """

    slope: float = 1.0
    offset: float = 0.0

    def ms(self, parts_ms: float) -> float:
        """Return the time of a network whose parts take `parts_ms` together."""
        return self.offset + self.slope * parts_ms


@dataclass(frozen=True)
class LineError:
    """The relative error of predictions of whole networks: |predicted / measured - 1|."""

    median: float
    largest: float
    networks: int
    """Number of measured networks."""


def fit(pairs: Sequence[Pair]) -> Line:
    """Return the line with the least sum of absolute relative errors; its offset is not negative.

    This line is robust against a wrong pair. It goes through two of the pairs, or through the origin and a pair (the
    corners of a linear program), so all these lines are tried. Without pairs the prediction is the sum itself.
    """
    lines = [Line(ms / parts) for parts, ms in pairs]
    if len(pairs) >= ENOUGH_FOR_OFFSET:
        for (first_parts, first_ms), (second_parts, second_ms) in itertools.combinations(pairs, 2):
            if first_parts == second_parts:
                continue
            slope = (second_ms - first_ms) / (second_parts - first_parts)
            offset = first_ms - slope * first_parts
            if slope > 0 and offset >= 0:
                lines.append(Line(slope, offset))
    return min(lines, key=lambda line: sum(relative_error(line, pair) for pair in pairs), default=Line())


def relative_error(line: Line, pair: Pair) -> float:
    """Return the error of the line, as a share of the measured time."""
    parts, ms = pair
    return abs(line.ms(parts) / ms - 1)


def left_out(fitted: Sequence[Pair], others: Sequence[Pair] = ()) -> LineError | None:
    """Return the error of predictions; None if nothing was measured.

    Each pair of `fitted` is predicted by a line through the other fitted pairs, and each pair of `others` by the line
    through all fitted pairs.
    """
    rest = [[*fitted[:i], *fitted[i + 1 :]] for i in range(len(fitted))]
    errors = [relative_error(fit(kept), pair) for kept, pair in zip(rest, fitted, strict=True)]
    errors += [relative_error(fit(fitted), pair) for pair in others]
    return LineError(statistics.median(errors), max(errors), len(errors)) if errors else None
