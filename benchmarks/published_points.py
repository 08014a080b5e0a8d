"""Writes the reference table: what every published network costs as counted here, beside what is published of it.

    python benchmarks/published_points.py [results/reference] [--spaces falsr moremnas]

`published_points.json` holds the figures, `published_points.md` the same as a page. Takes some minutes.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nas.cost import HR_SIZE, cost
from nas.image_size import show_size
from nas.report.costs import claimed, claims, giga, source_and_note
from search_spaces import SPACES, Architecture, Published, SearchSpace

ARTICLE_LR = (640, 512)
"""Width and height of the LR image of the article's own measurements."""

HEAD = f"""# Every published network

Parameters and multiply-adds as counted here (`nas cost`), with one and with three image channels, at the scale that the
network's figures are for. "HR" is an HR image of {show_size(HR_SIZE)}, the convention of the literature; "LR" one of
{show_size(ARTICLE_LR)}, that of the survey of super-resolution for infrared imaging, whose rows stand under "article".
What papers and article say is quoted as it stands there; how it was counted where not as here is said below. Written by
`python benchmarks/published_points.py`.
"""
COLUMNS = (
    "network", "scale", "params, 1 / 3 ch", f"MACs HR {show_size(HR_SIZE)}, 1 / 3 ch",
    f"MACs LR {show_size(ARTICLE_LR)}, 1 / 3 ch", "paper: params", "MACs", "for", "Set5 dB",
    "article: params", "MACs", "for",
)  # fmt: skip


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results/reference"))
    parser.add_argument("--spaces", nargs="*", default=SPACES.names(), metavar="SPACE")
    arguments = parser.parse_args()
    spaces = [SPACES.get(name) for name in arguments.spaces]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    figures = [row for space in spaces for row in rows(space)]
    (arguments.folder / "published_points.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    (arguments.folder / "published_points.md").write_text(page(spaces, figures))


def rows(space: SearchSpace) -> Iterator[dict[str, Any]]:
    """Yield the figures of a space's published points."""
    for name, published in space.published.items():
        yield {
            "point": f"{space.name}/{name}",
            "scale": published.scale,
            "counted": {f"{channels}ch": counted(space, name, channels) for channels in space.channels},
            **{who: claim.to_dict() for who, claim in claims(published)},
        }


def counted(space: SearchSpace, name: str, channels: int) -> dict[str, int]:
    """Return parameters, and multiply-adds for both sizes."""
    scale = space.published[name].scale
    architecture = Architecture.published(f"{space.name}/{name}", scale, channels)
    hr, lr = cost(architecture, HR_SIZE), cost(architecture, (scale * ARTICLE_LR[0], scale * ARTICLE_LR[1]))
    return {
        "params": hr.params,
        f"macs_hr_{show_size(HR_SIZE)}": hr.macs,
        f"macs_lr_{show_size(ARTICLE_LR)}": lr.macs,
    }


def page(spaces: Iterable[SearchSpace], figures: Iterable[dict[str, Any]]) -> str:
    """Return the table and the notes in Markdown."""
    points = {f"{space.name}/{name}": point for space in spaces for name, point in space.published.items()}
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    lines += ["| " + " | ".join(cells(row, points[row["point"]])) + " |" for row in figures]
    notes = [
        f"- **{name}**, {who}: {source_and_note(claim)}."
        for name, published in points.items()
        for who, claim in claims(published)
    ]
    return "\n".join([HEAD, *lines, "", "## Sources and notes", "", *notes, ""])


def cells(row: dict[str, Any], published: Published) -> list[str]:
    """Return a row of the table."""
    params, hr, lr = zip(*(ours.values() for ours in row["counted"].values()), strict=True)
    paper, article = published.paper, published.article
    return [
        row["point"],
        f"x{row['scale']}",
        " / ".join(f"{number:,}" for number in params),
        " / ".join(map(giga, hr)),
        " / ".join(map(giga, lr)),
        *claimed(paper),
        paper.at if any(claimed(paper)) or paper.psnr else "",
        "" if paper.psnr is None else f"{paper.psnr:.2f}",
        *((*claimed(article), article.at) if article and any(claimed(article)) else ("", "", "")),
    ]


if __name__ == "__main__":
    main()
