"""The list of search spaces, kept in a small file, so that listing them does not load PyTorch.

`python -m search_spaces.index` writes the file again from the spaces themselves.
"""

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_spaces.plugins import loaded_plugins
from search_spaces.registry import SPACE_ENTRY_POINTS

if TYPE_CHECKING:  # it loads PyTorch
    from search_spaces.space import SearchSpace

FAMILIES = Path(__file__).parent / "families"
INDEX = FAMILIES / "index.json"


@dataclass(frozen=True)
class Listed:
    """One row of the list of search spaces."""

    name: str
    summary: str
    architectures: int
    """Number of architectures at each scale and channel count."""
    scales: tuple[int, ...]
    channels: tuple[int, ...]
    published: tuple[str, ...]
    """The names of its published points."""

    @classmethod
    def of(cls, space: "SearchSpace") -> "Listed":
        """Return the row of a space."""
        return cls(space.name, space.summary, space.count(), space.scales, space.channels, tuple(space.published))

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> "Listed":
        """Return the row from plain data, as `dataclasses.asdict` makes it."""
        sequences = (tuple(row[name]) for name in ("scales", "channels", "published"))
        return cls(row["name"], row["summary"], row["architectures"], *sequences)


def listed_spaces() -> list[Listed]:
    """Return the rows of all spaces, sorted by name: from the index if it is complete, else by loading the spaces."""
    if is_complete():
        return [Listed.from_dict(row) for row in json.loads(INDEX.read_bytes())["spaces"]]
    return loaded_spaces()


def loaded_spaces() -> list[Listed]:
    """Load all spaces and return their rows, sorted by name."""
    from search_spaces.space import SPACES

    return [Listed.of(space) for space in SPACES]


def is_complete(index: Path = INDEX) -> bool:
    """Return whether an index lists all spaces: no plugin, no other package and no file beside it adds a space."""
    if loaded_plugins() or importlib.metadata.entry_points(group=SPACE_ENTRY_POINTS) or not index.is_file():
        return False
    return bool(json.loads(index.read_bytes())["files"] == _files(index.parent))


def write_index(index: Path = INDEX) -> None:
    """Write the index from the spaces themselves."""
    rows = ",\n".join(json.dumps(asdict(space)) for space in loaded_spaces())  # one line a space: clear diffs
    index.write_text(f'{{"files": {json.dumps(_files(index.parent))},\n"spaces": [\n{rows}\n]}}\n')


def _files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.py"))


if __name__ == "__main__":
    write_index()
