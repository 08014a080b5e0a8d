"""The cell of FALSR and MoreMNAS: four operations, repeated, with an optional skip.

Semantics decoded from the authors' published graphs of FALSR-A/B/C (arXiv 1901.07261) and MoreMNAS-C/D
(arXiv 1901.01074).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.conv import conv
from search_spaces.part import Part

OPERATIONS = ("conv", "group2", "group4", "invert")
"""Plain convolution, convolution in 2 or 4 groups, inverted bottleneck of expansion 2."""

_GROUPS = {"conv": 1, "group2": 2, "group4": 4}


@dataclass(frozen=True)
class CellChoices:
    """One cell: operation, output width, kernel size, repeats (each with its own weights) and whether it has a skip."""

    operation: str
    width: int
    kernel: int
    repeats: int
    skip: bool

    @classmethod
    def parse(cls, text: str) -> "CellChoices":
        """Read the short form of the decoded genotypes, e.g. `conv f64 k3 b4 skip` or `invert f16 k1 b2`."""
        operation, width, kernel, repeats, *skip = text.split()
        return cls(operation, int(width[1:]), int(kernel[1:]), int(repeats[1:]), skip == ["skip"])

    @classmethod
    def read(cls, choices: Choices, cell: int) -> "CellChoices":
        """Read the choices of cell number `cell` (1-based) from the flat mapping."""
        flat = read_choices(_FlatCell, choices, f"cell{cell}.")
        return cls(flat.op, flat.width, flat.kernel, 1 << flat.repeats_log2, flat.skip)

    def to_choices(self, cell: int) -> dict[str, Choice]:
        """Return the flat choices of this cell as number `cell` (1-based)."""
        values: Mapping[str, Choice] = {
            "op": self.operation,
            "width": self.width,
            "kernel": self.kernel,
            "repeats_log2": self.repeats.bit_length() - 1,
            "skip": self.skip,
        }
        return {f"cell{cell}.{name}": value for name, value in values.items()}


@dataclass(frozen=True)
class _FlatCell:
    """The choices of a cell by their names in the flat mapping."""

    op: str
    width: int
    kernel: int
    repeats_log2: int
    skip: bool


def cell_options(cell: int) -> dict[str, Values]:
    """Return the options of cell number `cell` (1-based): 4·4·2·3·2 = 192 entries."""
    return {
        f"cell{cell}.op": OPERATIONS,
        f"cell{cell}.width": range(16, 65, 16),
        f"cell{cell}.kernel": range(1, 4, 2),
        # The repeats are 1, 2 or 4: their logarithm is an ordered integer, which samplers use better than a category.
        f"cell{cell}.repeats_log2": range(3),
        f"cell{cell}.skip": (False, True),
    }


class Bottleneck(nn.Module):
    """Inverted bottleneck: expand to twice the width, depthwise 3x3, project linearly; always with its own skip."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(width, 2 * width, kernel),
            nn.ReLU(inplace=True),
            conv(2 * width, 2 * width, 3, groups=2 * width),
            nn.ReLU(inplace=True),
            conv(2 * width, width, kernel),
        )

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


class Cell(nn.Module):
    """[N, inputs, H, W] → [N, width, H, W].

    The skip starts after the first layer, where the widths match, so it has no effect on a single repeat.
    """

    def __init__(self, inputs: int, choices: CellChoices) -> None:
        super().__init__()
        width, kernel, repeats = choices.width, choices.kernel, choices.repeats
        if choices.operation == "invert":
            self.first: nn.Module = conv(inputs, width, 1)
            self.rest = nn.Sequential(*(Bottleneck(width, kernel) for _ in range(repeats)))
        else:
            groups = _GROUPS[choices.operation]
            widths = [inputs] + [width] * repeats
            layers = [_layer(a, width, kernel, groups) for a in widths[:repeats]]
            self.first, self.rest = layers[0], nn.Sequential(*layers[1:])
        self.skip = choices.skip and repeats > 1

    def forward(self, features: Tensor) -> Tensor:
        """[N, inputs, H, W] → [N, width, H, W]."""
        first = self.first(features)
        last = self.rest(first)
        return first + last if self.skip else last


def cell_parts(inputs: int, choices: CellChoices) -> list[Part]:
    """Return the parts whose costs add up to those of `Cell(inputs, choices)`."""
    width, kernel, repeats = choices.width, choices.kernel, choices.repeats
    if choices.operation == "invert":
        return [Part(conv, (inputs, width, 1), inputs), Part(Bottleneck, (width, kernel), width, repeats=repeats)]
    groups = _GROUPS[choices.operation]
    first = Part(_layer, (inputs, width, kernel, groups), inputs)
    return [first, Part(_layer, (width, width, kernel, groups), width, repeats=repeats - 1)]


def _layer(inputs: int, width: int, kernel: int, groups: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, width, kernel, groups=groups), nn.ReLU(inplace=False))
