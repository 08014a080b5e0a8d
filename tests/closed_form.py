"""Parameters and multiply-adds of FALSR and MoreMNAS at x2, computed from the choices by the papers' own formulas."""

from dataclasses import dataclass

from search_spaces import Choices
from search_spaces.layers.cell import CellChoices

LR_PIXELS = 640 * 360
"""Pixels of the LR image for the usual HR image of 1280 x 720 at x2."""

GROUPS = {"conv": 1, "group2": 2, "group4": 4}


@dataclass(frozen=True)
class Count:
    inputs: tuple[int, ...]
    """Channels that the first convolution of each cell and the fuse take."""
    params: int
    macs: int


def closed_form(choices: Choices) -> Count:
    cells = [CellChoices.read(choices, number) for number in range(1, 8)]
    widths = [32, *(cell.width for cell in cells)]
    inputs = tuple(
        sum(widths[s] for s in range(t) if s == t - 1 or choices.get(f"edge.{s}-{t}", False)) for t in range(1, 9)
    )
    weights, biases = 288 + 9 * inputs[-1] * 32, 32 + 32
    for cin, cell in zip(inputs, cells, strict=False):
        f, k, b = cell.width, cell.kernel, cell.repeats
        if cell.operation == "invert":
            weights += cin * f + b * (4 * k**2 * f**2 + 18 * f)
            biases += f + 5 * b * f
        else:
            weights += k**2 * f * (cin + (b - 1) * f) // GROUPS[cell.operation]
            biases += b * f
    return Count(inputs, weights + biases + 72 + 1, LR_PIXELS * weights + 4 * LR_PIXELS * 72)
