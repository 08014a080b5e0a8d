"""Points of `hybrid` modelled on known networks: of the same kind, but narrower, so that brief training gets far.

The known networks themselves are points of their own spaces. The points here are where a search of `hybrid` starts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from search_spaces.choices import Choice, Choices
from search_spaces.published import Claim, Published

CELLS = 6
MOST_REPEATS = 4
WIDTHS = range(8, 65, 4)
IDENTITY = "identity"
INERT: Mapping[str, Choice] = {
    "block": IDENTITY,
    "repeats": 1,
    "kernel": 3,
    "expansion": 1,
    "reach": 0,
    "fused": False,
}
"""The choices of a cell that is not active."""

_SHORT = {"x": "repeats", "k": "kernel", "e": "expansion", "r": "reach"}


def point(cells: str, **others: Choice) -> dict[str, Choice]:
    """Return the choices of a network with cells in a short form, e.g. `conv x3 | esa k5 e2 r1 fused`.

    `x` is followed by the repeats, `k` by the kernel, `e` by the expansion, `r` by the reach; choices that are not
    given have their smallest value. `others` replace the choices of the whole network.
    """
    choices: dict[str, Choice] = {
        "width": 32,
        "activation": "relu",
        "resolution": "full",
        "fusion": "none",
        "body_skip": False,
        "upsampler": "direct",
        "image_skip": "bicubic",
        "input": "plain",
        **others,
    }
    given = [line.split() for line in cells.split("|") if line.strip()]
    for i in range(1, CELLS + 1):
        cell = dict(INERT)
        if i <= len(given):
            block, *rest = given[i - 1]
            cell["block"] = block
            cell |= {_SHORT[word[0]]: int(word[1:]) for word in rest if word != "fused"}
            cell["fused"] = "fused" in rest or choices["fusion"] == "concat"
        choices |= {f"cell{i}.{name}": value for name, value in cell.items()}
    return choices


def _like(source: str, choices: dict[str, Choice]) -> Published:
    return Published(choices, Claim(source, note="after it, not the same"))


SEEDS: dict[str, Published] = {
    "Plain-C32M3": Published(
        point("conv x3"), Claim("no paper: three 3x3 convolutions of 32 channels between head and tail")
    ),
    "SESR-M11-like": _like(
        "arXiv 2103.09404", point("ecb x4 | ecb x4 | ecb x3", width=16, activation="prelu", body_skip=True)
    ),
    "IMDN-like": _like(
        "arXiv 1909.11856",
        point(" | ".join(["distill e1"] * 6), width=32, activation="leaky", fusion="concat", body_skip=True),
    ),
    "RFDN-like": _like(
        "arXiv 2009.11551",
        point(" | ".join(["distill e2"] * 6), width=32, activation="leaky", fusion="concat", body_skip=True),
    ),
    "BSRN-like": _like(
        "arXiv 2205.05996",
        point(" | ".join(["distill_bs e2"] * 5), width=32, activation="gelu", fusion="concat", body_skip=True),
    ),
    "PAN-like": _like(
        "arXiv 2010.01073",
        point(" | ".join(["pixel x2"] * 4), width=32, activation="leaky", body_skip=True, upsampler="nearest"),
    ),
    "SPAN-like": _like(
        "arXiv 2311.12770",
        point(
            "span e2 fused | span e2 x2 | span e2 x2 fused | span e2 fused",
            width=32,
            fusion="selected",
        ),
    ),
}


@dataclass(frozen=True)
class SeedFamily:
    """Networks of one kind of block, in any width and depth: a known network scaled to a budget."""

    cell: str
    """The cell as `point` takes it, without its repeats."""
    others: Mapping[str, Choice] = field(default_factory=dict)
    """Choices of the whole network."""
    repeats: bool = True
    """Whether blocks are repeated within a cell; False where each block is fused and so needs its own cell."""
    after: str = ""
    """A cell that follows each cell of blocks."""

    @property
    def depths(self) -> range:
        """The possible numbers of blocks."""
        return range(1, self._most_cells * self._most_repeats + 1)

    @property
    def _most_cells(self) -> int:
        return CELLS // 2 if self.after else CELLS

    @property
    def _most_repeats(self) -> int:
        return MOST_REPEATS if self.repeats else 1

    def sizes(self) -> Iterator[tuple[str, Choices]]:
        """Yield the networks of every width and depth with their sizes in words, `x4, 16 ch`.

        Their input is sharpened, which the known networks do not do: they learn sooner, and most end better, at the
        same cost (results/reference/input_compared.md).
        """
        for width in WIDTHS:
            for depth in self.depths:
                yield f"x{depth}, {width} ch", {**self.network(width, depth), "input": "sharpened"}

    def network(self, width: int, depth: int) -> dict[str, Choice]:
        """Return the choices of the design with `depth` blocks of `width` features, its input as it is."""
        cells, left = [], depth
        while left:
            cells.append(f"{self.cell} x{min(left, self._most_repeats)}")
            left -= min(left, self._most_repeats)
            if self.after:
                cells.append(self.after)
        return point(" | ".join(cells), width=width, **self.others)


FAMILIES: dict[str, SeedFamily] = {
    "plain": SeedFamily("conv"),
    "SESR": SeedFamily("ecb", {"activation": "prelu", "body_skip": True}),
    "EDSR": SeedFamily("residual e2", {"body_skip": True}),
    "IMDN": SeedFamily("distill e1", {"activation": "leaky", "fusion": "concat", "body_skip": True}, repeats=False),
    "RFDN": SeedFamily("distill e2", {"activation": "leaky", "fusion": "concat", "body_skip": True}, repeats=False),
    "BSRN": SeedFamily("distill_bs e2", {"activation": "gelu", "fusion": "concat", "body_skip": True}, repeats=False),
    "PAN": SeedFamily("pixel", {"activation": "leaky", "body_skip": True, "upsampler": "nearest"}),
    "SPAN": SeedFamily("span e2", {"fusion": "selected"}),
    "ESA": SeedFamily("esa e2", {"body_skip": True}),
    "DISP": SeedFamily("chain e2", {"activation": "gelu"}),
    "SPANV2": SeedFamily("gate e3", {"upsampler": "separable", "image_skip": "learned"}),
    "gated": SeedFamily("gated e1"),
    "EFDN": SeedFamily("ecb", {"activation": "gelu", "fusion": "concat", "body_skip": True}, after="esa"),
}
"""Families of seeds that a search scales to its budget."""
