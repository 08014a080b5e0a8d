"""The list of all search spaces, which is printed without loading PyTorch."""

from collections.abc import Iterable
from decimal import Decimal

from rich.table import Table

from nas.report.tables import table
from search_spaces.index import Listed


def spaces_table(spaces: Iterable[Listed]) -> Table:
    """Return the spaces with their published points."""
    shown = table("Search spaces", "space", "what it is", "architectures", "published points", numbers_from=4)
    for space in spaces:
        shown.add_row(space.name, space.summary, in_digits(space.architectures), ", ".join(space.published))
    return shown


def in_digits(count: int) -> str:
    """Return a number of architectures as text: 960, 34,560, 2.6e24."""
    return f"{count:,}" if count < 1_000_000 else f"{Decimal(count):.1e}".replace("e+", "e")
