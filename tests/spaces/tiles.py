"""A user's own space with cells, connections and an independent choice, whose costs are counted quickly."""

from typing import ClassVar

from torch import nn

from search_spaces import Choices, SearchSpace, Values, register
from search_spaces.part import Part

CELLS = (1, 2, 3, 4)
EDGES = ("edge.0-2", "edge.0-3", "edge.1-3")
KERNELS = {"point": 1, "plain": 3, "wide": 5}


@register
class Tiles(SearchSpace):
    """Four convolutions of three kinds and four widths, three connections, and a tail of one to three layers."""

    name: ClassVar[str] = "tiles"
    summary: ClassVar[str] = "four cells"
    smallest: ClassVar[Choices] = {
        "tail": 1,
        **{f"cell{i}.kind": "point" for i in CELLS},
        **{f"cell{i}.width": 8 for i in CELLS},
        **dict.fromkeys(EDGES, False),
    }
    options: ClassVar[dict[str, Values]] = {
        "tail": range(1, 4),
        **{f"cell{i}.{key}": v for i in CELLS for key, v in (("kind", tuple(KERNELS)), ("width", range(8, 33, 8)))},
        **dict.fromkeys(EDGES, (False, True)),
    }

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        cells = [(int(choices[f"cell{i}.width"]), KERNELS[str(choices[f"cell{i}.kind"])]) for i in CELLS]
        edges = sum(bool(choices[name]) for name in EDGES)
        return [
            *(Part(nn.Conv2d, (8, width, kernel), 8) for width, kernel in cells),
            Part(nn.Conv2d, (16, 16, 1), 16, repeats=edges),
            Part(nn.Conv2d, (8, 8, 1), 8, repeats=int(choices["tail"])),
        ]

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        raise NotImplementedError("only its costs are asked for")
