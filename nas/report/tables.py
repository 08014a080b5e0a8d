"""The tables that commands print, as rich tables from plain data."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from nas.check import PartReport, Report
from nas.cost import Cost
from nas.data.folder import phrases
from nas.data.image_set import mixed_in_words
from nas.evaluation.comparison import Evaluation
from nas.image_size import show_size
from nas.metrics import Metric, baseline_name
from nas.model import Model
from nas.quantities import short

METRICS_ABREAST = 4
"""Metrics that fit beside a network's name."""


def table(title: str, *columns: str, numbers_from: int = 1) -> Table:
    """Return an empty table; the named columns from number `numbers_from` on hold numbers, which are kept whole."""
    empty = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        if index >= numbers_from and column:
            empty.add_column(column.replace(" ", "\n"), justify="right", no_wrap=True)
        else:
            empty.add_column(column, overflow="fold")
    return empty


def in_short(names: Sequence[str]) -> str:
    """Return names of choices with those that differ by a number alone put together: `cell1.op … cell7.op (7)`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    return ", ".join(g[0] if len(g) == 1 else f"{g[0]} … {g[-1]} ({len(g)})" for g in groups.values())


def trained_table(models: Sequence[tuple[str, Model, Cost]], title: str) -> Table:
    """Return the fully trained models, all of one scale, beside bicubic interpolation; denoisers beside their input."""
    over = " or ".join(sorted({f"over {baseline_name(model.architecture.scale)}" for _, model, _ in models}))
    sizes = sorted({f"HR {show_size(cost.hr_size)}" for _, _, cost in models})
    title = f"{title}; MACs for {' or '.join(sizes)}"
    shown = table(title, "network", "PSNR dB", over, "SSIM", "MACs", "params", "steps", "minutes")
    for folder, model, cost in models:
        m = model.metrics
        gain = f"{m['psnr'] - m['bicubic_psnr']:+.2f}"
        figures = [f"{m['psnr']:.2f}", gain, f"{m['ssim']:.4f}", short(cost.macs), short(cost.params)]
        shown.add_row(Path(folder).name, *figures, str(m["steps"]), f"{m['train_seconds'] / 60:.1f}")
    return shown


def evaluation_tables(evaluation: Evaluation, title: str) -> list[Table]:
    """Return the figures of several networks, measured alike; ↓ marks those where less is better.

    Each table has a few metrics, so that the networks' names have room on a narrow terminal.
    """
    starts = range(0, len(evaluation.metrics), METRICS_ABREAST)
    groups = [evaluation.metrics[start : start + METRICS_ABREAST] for start in starts]
    return [_metrics_table(evaluation, group, title if group is groups[0] else "") for group in groups]


def _metrics_table(evaluation: Evaluation, metrics: Sequence[Metric], title: str) -> Table:
    columns: list[str] = []
    (baseline_label, baseline), *networks = evaluation.rows
    gains = {"psnr"} if networks else set()
    for metric in metrics:
        luma = "-Y" if metric.name == "psnr" and evaluation.protocol.channel == "y" else ""
        columns.append(f"{metric.label}{luma} {metric.unit}".strip() + ("" if metric.higher_is_better else " ↓"))
        columns += [f"over {baseline_label}"] if metric.name in gains else []
    shown = table(title, "network", *columns)
    for name, measurement in evaluation.rows:
        figures: list[str] = []
        for metric in metrics:
            figures.append(f"{measurement.means[metric.name]:.{metric.digits}f}")
            if metric.name in gains:
                figures.append("" if measurement is baseline else f"{measurement.psnr - baseline.psnr:+.3f}")
        shown.add_row(name, *figures)
    return shown


def data_table(report: Report) -> Table:
    """Return what `nas data check` found, a column a part of the data set."""
    shown = table(str(report.folder), "", *report.parts, numbers_from=1 + len(report.parts))
    parts = list(report.parts.values())
    shown.add_row("images", *(str(p.count) for p in parts))
    if any(p.files < p.count for p in parts):
        shown.add_row("in files", *(str(p.files) for p in parts))
    sizes = [", ".join(f"{w}x{h}: {n}" for (h, w), n in list(p.sizes.items())[:4]) for p in parts]
    shown.add_row("sizes", *sizes)
    shown.add_row("bits", *(", ".join(f"{depth}: {n}" for depth, n in sorted(p.bit_depths.items())) for p in parts))
    if any(p.radiometric for p in parts):
        shown.add_row("radiometric (read as counts)", *(str(p.radiometric) for p in parts))
    if any(p.counts for p in parts):
        counts = [p.counts for p in parts]
        shown.add_row("16-bit levels", *("" if c is None else f"{c.least} to {c.most}: {c.bits} bits" for c in counts))
        shown.add_row("nearly all within", *("" if c is None else f"{c.low:.0f} to {c.high:.0f}" for c in counts))
        shown.add_row("levels of one image", *("" if c is None else f"{c.one_image:.0f}" for c in counts))
    shown.add_row("coloured (read as luma)", *(str(len(p.coloured)) for p in parts))
    shown.add_row(f"too small for a {report.patch}x{report.patch} LR patch", *(str(len(p.too_small)) for p in parts))
    shown.add_row("unreadable", *(str(len(p.unreadable)) for p in parts))
    if any(p.given for p in parts):
        shown.add_row("LR images", *(f"given: {p.given}" if p.given else "made" for p in parts))
    shown.add_row(f"bicubic x{report.scale} PSNR dB", *(_per_depth(p, p.psnr, "psnr", 2) for p in parts))
    shown.add_row(f"bicubic x{report.scale} SSIM", *(_per_depth(p, p.ssim, "ssim", 4) for p in parts))
    return shown


def _per_depth(part: PartReport, mean: float | None, name: str, digits: int) -> str:
    if mean is not None:
        return f"{mean:.{digits}f}"
    figures = [f"{depth} bits: {getattr(quality, name):.{digits}f}" for depth, quality in part.by_depth.items()]
    return ", ".join(figures)


def data_notes(report: Report) -> list[str]:
    """Return in lines what becomes of 16-bit images, and what of the folder is left out on purpose."""
    lines = [f"It can't be trained on: {report.undivided}"] if report.undivided else []
    lines += [f"left out: {phrase}" for phrase in phrases(report.left_out)]
    if report.others:
        lines.append(f"left out: {report.others} file{'s' if report.others > 1 else ''} of text, tables and the like")
    seen, counts = report.normalisation, next(iter(report.parts.values())).counts
    if counts is None or seen.low is None or seen.high is None:
        return lines
    width = seen.high - seen.low
    line = f"'normalisation: auto' of a recipe is for these: {seen.low:.0f} is seen as 0, {seen.high:.0f} as 1"
    lines.append(
        f"{line}; one image uses {100 * counts.one_image / width:.0f} % of it, and PSNR is against {width:.0f}."
    )
    return lines


def data_faults(report: Report) -> list[str]:
    """Return one line for each file that is wrong."""
    lines = [f"{name}: {file} {reason}" for name, part in report.parts.items() for file, reason in part.unreadable]
    lines += [f"{name}: {file} is too small" for name, part in report.parts.items() for file in part.too_small]
    lines += [f"{name}: there is no usable image" for name, part in report.parts.items() if not part.count]
    lines += [f"{a} (train) and {b} (validation) are the same image" for a, b in report.duplicates]
    if len(report.bit_depths) > 1:
        lines.append(f"{mixed_in_words(report.bit_depths)}; put each depth into a folder of its own")
    return lines
