"""The front of a run as text: a table, and lines below it."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from nas.budget import Budget
from nas.image_size import show_size
from nas.metrics import baseline_name
from nas.objectives import OBJECTIVES, Objective, first_cost, first_quality
from nas.report.tables import in_run, in_short, table
from nas.search.front import Candidate, best_under, hypervolume, hypervolume_unit, knee, pareto_front
from nas.search.noise import telling_gap, usual_noise, within_noise
from nas.search.settings import Settings
from nas.search.snapshot import Snapshot

DOUBTFUL = "~"
"""Marks a member of the front that may be no better than the next cheaper one."""

ALWAYS_SHOWN = ("psnr", "ssim", "macs", "params")
"""The columns of every front table; other figures have a column if the run counts them."""


def front_table(run: Snapshot) -> Table:
    """Return the front beside the published networks, cheapest first."""
    settings, trained, bicubic = run.settings, run.candidates, run.bicubic[0]
    members = pareto_front(trained, settings.objectives)
    marks = {c.trial: "dominated" for c in trained if c.published} | {c.trial: "front" for c in members}
    if bend := knee(trained, settings.objectives):
        marks[bend.trial] = "front, knee"
    for seed in (c for c in members if c.seed):
        marks[seed.trial] += ", seed"
    for trial in within_noise(members, usual_noise(settings.recipe.steps)):
        marks[trial] += f" {DOUBTFUL}"
    over = f"over {baseline_name(settings.scale)}"
    title = f"Front of {settings.run} ({len(trained)} trained); MACs for HR {show_size(settings.hr_size)}"
    always = [OBJECTIVES.get(name) for name in ALWAYS_SHOWN]
    counted = {name for candidate in trained for name in candidate.figures}
    more = [o for o in OBJECTIVES.in_order() if o.name in counted and o.name not in ALWAYS_SHOWN]
    shown = table(title, "network", "PSNR dB", over, "SSIM", "MACs", "params", *(o.title for o in more), "")
    cost = first_cost(settings.objectives).name
    for c in sorted((c for c in trained if c.trial in marks), key=lambda c: c.figures[cost]):
        psnr, *others = [_cell(c, o) for o in (*always, *more)]
        name = in_run(c.label, settings.run)
        shown.add_row(name, psnr, f"{c.psnr - bicubic:+.2f}", *others, marks[c.trial])
    return shown


def _cell(candidate: Candidate, objective: Objective) -> str:
    figures = candidate.figures
    return objective.shown(figures[objective.name]) if objective.name in figures else ""


def front_lines(run: Snapshot, limits: Sequence[Budget]) -> Iterator[str]:
    """Yield the lines below the table, with the best network within each of the `limits`."""
    settings, trained, bicubic = run.settings, run.candidates, run.bicubic[0]
    if settings.allow:
        yield f"Narrowed: {narrowing(settings)}."
    if settings.fixed:
        held = ", ".join(f"{name}={value}" for name, value in settings.fixed.items())
        yield f"Held fixed, in the published networks too: {held}."
    yield f"Protocol: {run.protocol.describe()}; {baseline_name(settings.scale)} {bicubic:.2f} dB."
    aims, reference_point = settings.objectives, run.reference_point
    volume = f"{hypervolume(trained, aims, reference_point, settings.interest):.4g} {hypervolume_unit(aims)}"
    against = ", ".join(objective.in_words(reference_point[objective.name]) for objective in aims)
    size, quality = f"for HR {show_size(settings.hr_size)}", first_quality(aims)
    yield f"Hypervolume {volume} against {against} {size}."
    for limit in limits:
        best = best_under(trained, limit, aims)
        found = f"{best.label}, {quality.in_words(best.figures[quality.name])}" if best else "none"
        yield f"Best within {limit} {size}: {found}"
    if not trained:
        yield f"Nothing is trained to the end yet; paused: {run.paused_in_words or 'none'}."
    elif run.paused:
        yield f"Paused: {run.paused_in_words}."
    noise = usual_noise(settings.recipe.steps)
    if within_noise(pareto_front(trained, aims), noise):
        gap = f"{telling_gap(noise):.2f} dB"
        yield f"{DOUBTFUL}: less than {gap} better than the next cheaper network, which may be chance."
    for seed in (c for c in pareto_front(trained, aims) if c.seed):
        yield f"{in_run(seed.label, settings.run)} is a seed, scaled to the budget: {seed.seed}."
    for failed in run.given_up:
        yield f"Given up: {failed.label}, {failed.reason.rstrip('.')}."


def narrowing(settings: Settings) -> str:
    """Return the narrowed choices of a space in words, with choices of the same values together."""
    names: dict[tuple[object, ...], list[str]] = {}
    for name, values in settings.allow.items():
        names.setdefault(values, []).append(name)
    return "; ".join(f"{in_short(n)} to {' or '.join(map(str, values))}" for values, n in names.items())
