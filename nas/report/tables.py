"""The tables that commands print, as rich tables from plain data."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from nas.budget import short
from nas.cost import Cost
from nas.data.check import Report
from nas.metrics import Measurement
from nas.model import Model
from nas.search.front import Candidate
from nas.search.reference import Reference
from search_spaces import SPACES, SearchSpace


def _table(title: str, *columns: str, numbers_from: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index >= numbers_from else "left", overflow="fold")
    return table


def front_table(front: Sequence[Candidate], bicubic: float, marks: dict[int, str], title: str) -> Table:
    """Return the front, cheapest first; `marks` puts a word behind some trials."""
    table = _table(title, "network", "trial", "PSNR dB", "over bicubic", "SSIM", "MACs", "params", "")
    for c in front:
        table.add_row(
            c.label,
            str(c.trial),
            f"{c.psnr:.2f}",
            f"{c.psnr - bicubic:+.2f}",
            "" if c.ssim is None else f"{c.ssim:.4f}",
            short(c.macs),
            short(c.params),
            marks.get(c.trial, ""),
        )
    return table


def trained_table(models: Sequence[tuple[str, Model, Cost]], title: str) -> Table:
    """Return the fully trained models beside bicubic interpolation."""
    table = _table(title, "network", "PSNR dB", "over bicubic", "SSIM", "MACs", "params", "steps", "minutes")
    for folder, model, cost in models:
        m = model.metrics
        gain = f"{m['psnr'] - m['bicubic_psnr']:+.2f}"
        figures = [f"{m['psnr']:.2f}", gain, f"{m['ssim']:.4f}", short(cost.macs), short(cost.params)]
        table.add_row(Path(folder).name, *figures, str(m["steps"]), f"{m['train_seconds'] / 60:.1f}")
    return table


def evaluation_table(rows: Sequence[tuple[str, Measurement]], title: str) -> Table:
    """Return PSNR and SSIM of several networks, measured alike."""
    table = _table(title, "network", "PSNR dB", "SSIM")
    for name, measurement in rows:
        table.add_row(name, f"{measurement.psnr:.3f}", f"{measurement.ssim:.4f}")
    return table


def cost_table(rows: Sequence[tuple[Reference, Cost, int]], title: str) -> Table:
    """Return costs, with thop's count and the published figures beside ours."""
    table = _table(title, "network", "params", "MACs", "thop MACs", "published params", "published MACs", "peak memory")
    for reference, cost, thop in rows:
        said = reference.published.paper if reference.published else None
        table.add_row(
            reference.label,
            f"{cost.params:,}",
            f"{cost.macs / 1e9:.3f}G",
            f"{thop / 1e9:.3f}G",
            short(said.params) if said and said.params else "",
            short(said.macs) if said and said.macs else "",
            f"{cost.peak_memory / 2**20:.0f} MiB",
        )
    return table


def spaces_table() -> Table:
    """Return all spaces with their published points."""
    table = _table("Search spaces", "space", "what it is", "published points", "scales", numbers_from=4)
    for space in SPACES:
        summary = space.summary
        table.add_row(space.name, summary, ", ".join(space.published), ", ".join(map(str, space.scales)))
    return table


def space_table(space: SearchSpace) -> Table:
    """Return the choices of one space."""
    table = _table(f"Choices of '{space.name}'", "choice", "values", "held fixed at", numbers_from=3)
    for name, values in space.parameters().items():
        fixed = space.pinned.get(name)
        table.add_row(name, ", ".join(map(str, values)), "" if fixed is None else str(fixed))
    return table


def data_table(report: Report) -> Table:
    """Return what `nas data check` found, a column a part of the data set."""
    table = _table(f"{report.folder}", "", *report.parts)
    parts = list(report.parts.values())
    table.add_row("images", *(str(p.count) for p in parts))
    sizes = [", ".join(f"{w}x{h}: {n}" for (h, w), n in list(p.sizes.items())[:4]) for p in parts]
    table.add_row("sizes", *sizes)
    table.add_row("bits", *(", ".join(f"{depth}: {n}" for depth, n in p.bit_depths.items()) for p in parts))
    table.add_row("coloured (read as luma)", *(str(len(p.coloured)) for p in parts))
    table.add_row(f"too small for a {report.patch}x{report.patch} LR patch", *(str(len(p.too_small)) for p in parts))
    table.add_row("unreadable", *(str(len(p.unreadable)) for p in parts))
    table.add_row(f"bicubic x{report.scale} PSNR dB", *("" if p.psnr is None else f"{p.psnr:.2f}" for p in parts))
    table.add_row(f"bicubic x{report.scale} SSIM", *("" if p.ssim is None else f"{p.ssim:.4f}" for p in parts))
    return table


def data_faults(report: Report) -> list[str]:
    """Return one line for each file that is wrong."""
    lines = [f"{name}: {file} {reason}" for name, part in report.parts.items() for file, reason in part.unreadable]
    lines += [f"{name}: {file} is too small" for name, part in report.parts.items() for file in part.too_small]
    return lines + [f"{a} (train) and {b} (validation) are the same image" for a, b in report.duplicates]
