"""The front of a run as text: a table and what is to be said below it."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from nas.budget import Budget, short
from nas.image_size import show_size
from nas.metrics import baseline_name
from nas.report.front_files import reference_macs
from nas.report.tables import in_short, table
from nas.search.front import best_under, hypervolume, knee, pareto_front
from nas.search.run import Run
from nas.search.settings import Settings


def front_table(run: Run) -> Table:
    """Return the front beside the published networks, cheapest first."""
    trained, bicubic = run.candidates(), run.bicubic[0]
    members = pareto_front(trained)
    marks = {c.trial: "dominated" for c in trained if c.published} | {c.trial: "front" for c in members}
    if bend := knee(members):
        marks[bend.trial] = "front, knee"
    settings = run.settings
    over = f"over {baseline_name(settings.scale)}"
    title = f"Front of {settings.run} ({len(trained)} trained); MACs for HR {show_size(settings.hr_size)}"
    shown = table(title, "network", "trial", "PSNR dB", over, "SSIM", "MACs", "params", "")
    for c in sorted((c for c in trained if c.trial in marks), key=lambda c: c.macs):
        shown.add_row(
            c.label,
            str(c.trial),
            f"{c.psnr:.2f}",
            f"{c.psnr - bicubic:+.2f}",
            "" if c.ssim is None else f"{c.ssim:.4f}",
            short(c.macs),
            short(c.params),
            marks[c.trial],
        )
    return shown


def front_lines(run: Run, limits: Sequence[Budget]) -> Iterator[str]:
    """Yield what the table doesn't say, and the best network within each of the `limits`."""
    settings, trained, bicubic = run.settings, run.candidates(), run.bicubic[0]
    if settings.allow:
        yield f"Narrowed: {narrowing(settings)}."
    if settings.fixed:
        held = ", ".join(f"{name}={value}" for name, value in settings.fixed.items())
        yield f"Held fixed, in the published networks too: {held}."
    yield f"Protocol: {run.protocol.describe()}; {baseline_name(settings.scale)} {bicubic:.2f} dB."
    reference = reference_macs(run, trained)
    area = hypervolume(pareto_front(trained), bicubic, reference)
    size = f"for HR {show_size(settings.hr_size)}"
    yield f"Hypervolume {area:.1f} dB·G against {bicubic:.2f} dB at {short(reference)} MACs {size}."
    for limit in limits:
        best = best_under(trained, limit)
        yield f"Best within {limit} {size}: {f'{best.label}, {best.psnr:.2f} dB' if best else 'none'}"


def narrowing(settings: Settings) -> str:
    """Return what the user left of the space: choices that were left the same values stand together."""
    names: dict[tuple[object, ...], list[str]] = {}
    for name, values in settings.allow.items():
        names.setdefault(values, []).append(name)
    return "; ".join(f"{in_short(n)} to {' or '.join(map(str, values))}" for values, n in names.items())
