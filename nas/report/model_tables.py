"""Tables of trained models: their training, and their comparison on images."""

import re
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from nas.cost import Cost
from nas.evaluation.comparison import Evaluation
from nas.image_size import show_size
from nas.metrics import Metric, baseline_name
from nas.model import Model
from nas.quantities import short
from nas.report.tables import in_run, table

METRICS_ABREAST = 4
"""Maximum number of metrics in a table."""


def trained_table(models: Sequence[tuple[str, Model, Cost]], title: str) -> Table:
    """Return the table of fully trained models, with gains over bicubic interpolation or over a denoiser's input."""
    over = " or ".join(sorted({f"over {baseline_name(model.architecture.scale)}" for _, model, _ in models}))
    sizes = sorted({f"HR {show_size(cost.hr_size)}" for _, _, cost in models})
    title = f"{title}; MACs for {' or '.join(sizes)}"
    shown = table(title, "network", "PSNR dB", over, "SSIM", "MACs", "params", "steps", "minutes")
    for folder, model, cost in models:
        name = re.sub(r"^trial-(?=\d+$)", ":", Path(folder).name)  # in the folder of a run
        m = model.metrics
        gain = f"{m['psnr'] - m['bicubic_psnr']:+.2f}"
        figures = [f"{m['psnr']:.2f}", gain, f"{m['ssim']:.4f}", short(cost.macs), short(cost.params)]
        shown.add_row(name, *figures, str(m["steps"]), f"{m['train_seconds'] / 60:.1f}")
    return shown


def evaluation_tables(evaluation: Evaluation, title: str) -> list[Table]:
    """Return tables with the figures of networks by one protocol; ↓ marks metrics where less is better.

    Each table has a few metrics, so that it fits a narrow terminal. If all trials are of one run, they are called
    `:18`, and the title names the run.
    """
    runs = {match[1] for name, _ in evaluation.rows if (match := re.fullmatch(r"([^/\\]+):\d+", name))}
    run = runs.pop() if len(runs) == 1 else ""
    title = f"{title}; trials of the run {run}" if run else title
    starts = range(0, len(evaluation.metrics), METRICS_ABREAST)
    groups = [evaluation.metrics[start : start + METRICS_ABREAST] for start in starts]
    return [_metrics_table(evaluation, group, title if group is groups[0] else "", run) for group in groups]


def _metrics_table(evaluation: Evaluation, metrics: Sequence[Metric], title: str, run: str) -> Table:
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
        shown.add_row(in_run(name, run) if run else name, *figures)
    return shown
