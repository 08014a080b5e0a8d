"""The front of a run as files: picture, page and table beside each other in `front/`."""

import json
from collections.abc import Container, Sequence
from dataclasses import asdict
from pathlib import Path

from nas.budget import Budget
from nas.evidence.hand_made import COUNTED, WITH_SKIP, HandMade, final_psnr
from nas.files import write_atomic
from nas.objectives import OBJECTIVES, first_cost, first_quality
from nas.report.front import Dot, View, plot_front
from nas.report.front_view import Kind
from nas.search.front import Candidate, best_under, hypervolume, hypervolume_unit, knee, pareto_front
from nas.search.noise import usual_noise, within_noise
from nas.search.snapshot import Snapshot
from search_spaces import SPACES, Architecture


def summarise(run: Snapshot, limits: Sequence[Budget] = ()) -> dict[str, object]:
    """Return the front with its figures as plain data, and the best network within each of the `limits`.

    Raises InputError for a limit on a cost that the run did not count.
    """
    aims, candidates, reference_point = run.settings.objectives, run.candidates, run.reference_point
    front, bend = pareto_front(candidates, aims), knee(candidates, aims)
    psnr, ssim = run.bicubic
    return {
        "run": run.settings.run,
        "protocol": run.protocol.to_dict(),
        "hr_size": list(run.settings.hr_size),
        "bicubic": {"psnr": psnr, "ssim": ssim},
        "objectives": [objective.name for objective in run.settings.objectives],
        "hypervolume": hypervolume(candidates, aims, reference_point, run.settings.interest),
        "range_from": [str(end) for end in run.settings.range_from],
        "hypervolume_unit": hypervolume_unit(aims),
        "hypervolume_reference": dict(reference_point),
        "gain_over_hand_made": _gain(run),
        "knee": bend and bend.trial,
        "trained": len(candidates),
        "paused": [{"trial": run.firsts[n.trial], "steps": n.steps, **n.figures} for n in run.paused],
        "given_up": [asdict(network) for network in run.given_up],
        "best_within": {str(limit): _as_data(best_under(candidates, limit, aims)) for limit in limits},
        "front": [c.to_dict() for c in front],
        "within_noise": sorted(within_noise(front, usual_noise(run.settings.recipe.steps))),
        "candidates": [c.to_dict() for c in candidates],
    }


def _gain(run: Snapshot) -> dict[str, object] | None:
    """Return the gain over hand-made after brief training; None unless all hand-made networks are trained."""
    known = HandMade(run.settings, run.settings.recipe, run.folder.parent)
    found = known.gain([c.figures for c in run.candidates])
    if found is None:
        return None
    return asdict(found) | {"at": {str(share): gain for share, gain in found.at.items()}}


def _as_data(candidate: Candidate | None) -> dict[str, object] | None:
    return None if candidate is None else candidate.to_dict()


def write_front(run: Snapshot) -> tuple[Path, Path, Path]:
    """Write `front.png`, `front.html` and `front.json` into the run's `front/` and return their paths."""
    folder = run.folder / "front"
    png, html, table = folder / "front.png", folder / "front.html", folder / "front.json"
    plot_front(view_of(run), png, html)
    write_atomic(table, json.dumps(summarise(run), indent=2) + "\n")
    return png, html, table


def view_of(run: Snapshot) -> View:
    """Return the view of a run's front: the first quality over the first cost."""
    settings, candidates = run.settings, run.candidates
    members = {c.trial for c in pareto_front(candidates, settings.objectives)}
    quality, price = first_quality(settings.objectives), first_cost(settings.objectives)
    limits = [budget for budget in settings.budgets if budget.cost == price.name]
    hand_made = _hand_made(run) if quality.name == "psnr" and price.name in COUNTED else []
    ends = [end.limit for end in settings.range_from if end.cost == price.name]
    tops = [top.limit for top in settings.range_to if top.cost == price.name]
    return View(
        [*(_dot(c, c.trial in members) for c in candidates), *_paused(run), *hand_made],
        untrained=_untrained(run, {c.label for c in candidates} | {dot.label for dot in hand_made}, price.name),
        budget=min(limits, key=lambda budget: budget.limit, default=None),
        bicubic=dict(zip(("psnr", "ssim"), run.bicubic, strict=True))[quality.name],
        title=f"{settings.run}: {len(candidates)} candidates of {settings.space_in_words}, x{settings.scale}",
        protocol=f"after brief training ({settings.recipe.steps} steps); {run.protocol.describe()}",
        range_from=max(ends, default=None),
        range_to=min(tops, default=None),
        hr_size=settings.hr_size,
        baseline="bicubic interpolation" if settings.scale > 1 else "the input as it is",
        cost=price,
        quality=quality,
    )


def _dot(candidate: Candidate, on_front: bool) -> Dot:
    kind: Kind = "published" if candidate.published else "front" if on_front else "candidate"
    return Dot(candidate.label, candidate.figures, kind)


def _hand_made(run: Snapshot) -> list[Dot]:
    """Return the published networks that were trained for comparison, each in its better form."""
    known = HandMade(run.settings, run.settings.recipe, run.folder.parent)
    tried = {candidate.label for candidate in run.candidates}
    dots: dict[str, Dot] = {}
    for row in sorted(known.trained, key=final_psnr):
        figures = {"psnr": final_psnr(row), "macs": float(row.macs), "params": float(row.params)}
        name = (row.name or "").removesuffix(WITH_SKIP)
        remark = "with the image skip" if name != row.name else "as published"
        if name not in tried:
            dots[name] = Dot(name, figures, "hand-made", remark)
    return list(dots.values())


def _paused(run: Snapshot) -> list[Dot]:
    """Return dots for the networks that are paused at a rung, with their figures there."""
    return [
        Dot(run.label(network.trial), network.figures, "paused", f"paused at {network.steps} steps")
        for network in run.paused
    ]


def _untrained(run: Snapshot, trained: Container[str], name: str) -> dict[str, float]:
    """Return the published points without a quality on these images (over budget, or not yet trained) and their costs.

    Empty for a cost that can't be counted.
    """
    count = OBJECTIVES.get(name).count
    if count is None:
        return {}
    space = SPACES.get(run.settings.space)
    labels = [label for label in space.published if f"{space.name}/{label}" not in trained]
    points = {label: Architecture.published(f"{space.name}/{label}", run.settings.scale) for label in labels}
    return {label: count(point, run.settings.hr_size) for label, point in points.items()}
