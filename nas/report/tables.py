"""The style of all tables, and short names in them."""

import re
from collections.abc import Sequence

from rich.table import Table


def table(title: str, *columns: str, numbers_from: int = 1) -> Table:
    """Return an empty table. Columns from index `numbers_from` on hold numbers, which are never wrapped."""
    empty = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        if index >= numbers_from and column:
            empty.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
        else:
            empty.add_column(column, overflow="fold")
    return empty


def in_run(label: str, run: str) -> str:
    """Return the name of a network within its run: `:18` for `first:18`; published names stay."""
    return label.removeprefix(run) if label.startswith(f"{run}:") else label


def in_short(names: Sequence[str]) -> str:
    """Return names of choices, with names that differ only by a number put together: `cell1.op … cell7.op (7)`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    return ", ".join(g[0] if len(g) == 1 else f"{g[0]} … {g[-1]} ({len(g)})" for g in groups.values())
