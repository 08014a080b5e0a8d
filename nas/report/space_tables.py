"""The search spaces as tables and as plain data."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from rich.table import Table

from nas.cost import HR_SIZE, cost
from nas.image_size import show_size
from nas.report.costs import claimed, claims_data, giga
from nas.report.space_list import in_digits
from nas.report.tables import in_short, table
from search_spaces import Architecture, SearchSpace, Values
from search_spaces.narrowed import NarrowedSpace


def space_tables(space: SearchSpace) -> Iterator[Table]:
    """Yield the tables of a space: its choices, and its published points with their costs."""
    narrowed = " as narrowed" if isinstance(space, NarrowedSpace) else ""
    scales = ", ".join(f"x{scale}" for scale in space.scales)
    title = f"Choices of '{space.name}'{narrowed}: {architectures(space)} architectures at each of {scales}"
    choices = table(title, "choice", "values", "held fixed at", numbers_from=3)
    for names, values, held in _alike(space):
        choices.add_row(names, show_values(values), held)
    yield choices
    if not space.published:
        return
    title = f"Published points; our count is for one channel, HR {show_size(HR_SIZE)}"
    columns = ("point", "paper is for", "params", "MACs", "paper's params", "paper's MACs", "PSNR dB")
    points = table(title, *columns, numbers_from=2)
    for name, published in space.published.items():
        paper = published.paper
        price = cost(Architecture.published(f"{space.name}/{name}", published.scale))
        ours = f"{price.params:,}", giga(price.macs)
        psnr = "" if paper.psnr is None else f"{paper.psnr:.2f}"
        points.add_row(f"{name} x{published.scale}", paper.at, *ours, *claimed(paper), psnr)
    yield points


def _alike(space: SearchSpace) -> Iterator[tuple[str, Values, str]]:
    """Yield names, values and fixed value of the choices; choices that differ only by a number form one row."""
    groups: dict[tuple[str, Values, str], list[str]] = {}
    for name, values in space.options.items():
        groups.setdefault((re.sub(r"\d+", "#", name), values, str(space.pinned.get(name, ""))), []).append(name)
    for (_, values, held), names in groups.items():
        yield in_short(names), values, held


def spaces_data(spaces: Iterable[SearchSpace], with_costs: bool) -> dict[str, Any]:
    """Return spaces as plain data; `with_costs` also counts the costs of the published points, which takes a moment."""
    return {space.name: _space_data(space, with_costs) for space in spaces}


def _space_data(space: SearchSpace, with_costs: bool) -> dict[str, Any]:
    published = {}
    for name, point in space.published.items():
        architecture = Architecture.published(f"{space.name}/{name}", point.scale)
        counted = cost(architecture).to_dict() if with_costs else {}
        published[name] = {"scale": point.scale, **counted, **claims_data(point)["published"]}
    return {
        "summary": space.summary,
        "architectures": space.count(),
        "at_most": is_bound(space),
        "scales": list(space.scales),
        "channels": list(space.channels),
        "choices": {name: list(values) for name, values in space.parameters().items()},
        "held_fixed": dict(space.pinned),
        "published": published,
    }


def is_bound(space: SearchSpace) -> bool:
    """Return whether the number of architectures of a space is only an upper bound."""
    return isinstance(space, NarrowedSpace) and not space.is_counted


def architectures(space: SearchSpace) -> str:
    """Return the number of architectures of a space as text: 960, 34,560, 2.6e24."""
    return f"{'at most ' if is_bound(space) else ''}{in_digits(space.count())}"


def show_values(values: Values) -> str:
    """Return the values of a choice as text; of many numbers the first and the last."""
    if isinstance(values, range) and len(values) > 6:
        return f"{values[0]} to {values[-1]}{f' in steps of {values.step}' if values.step > 1 else ''}"
    return ", ".join(map(str, values))
