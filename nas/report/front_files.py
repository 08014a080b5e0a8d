"""The front of a run as files: picture, page and table beside each other in `front/`."""

import json
from pathlib import Path

from nas.cost import cost
from nas.model import write_atomic
from nas.report.front import Dot, plot_front
from nas.report.front_view import Kind
from nas.search.front import Candidate, hypervolume, knee, pareto_front
from nas.search.run import Run
from search_spaces import SPACES, Architecture


def summarise(run: Run) -> dict[str, object]:
    """Return the front with its figures as plain data: what `nas front --json` prints."""
    candidates = run.candidates()
    front = pareto_front(candidates)
    reference = reference_macs(run, candidates)
    bend = knee(front)
    psnr, ssim = run.bicubic
    return {
        "run": run.settings.run,
        "protocol": run.protocol.to_dict(),
        "hr_size": list(run.settings.hr_size),
        "bicubic": {"psnr": psnr, "ssim": ssim},
        "hypervolume": hypervolume(front, psnr, reference),
        "hypervolume_reference": {"psnr": psnr, "macs": reference},
        "knee": bend and bend.trial,
        "trained": len(candidates),
        "front": [c.to_dict() for c in front],
        "candidates": [c.to_dict() for c in candidates],
    }


def reference_macs(run: Run, candidates: list[Candidate]) -> int:
    """Return the MACs of the hypervolume's reference point: the budget, or the most that a candidate needs."""
    limits = [budget.limit for budget in run.settings.limits if budget.unit == "MACs"]
    return min(limits, default=max((c.macs for c in candidates), default=0))


def write_front(run: Run) -> tuple[Path, Path, Path]:
    """Write `front.png`, `front.html` and `front.json` into the run's `front/` and return their paths."""
    folder = run.folder / "front"
    folder.mkdir(exist_ok=True)
    png, html, table = folder / "front.png", folder / "front.html", folder / "front.json"
    candidates = run.candidates()
    settings, members = run.settings, {c.trial for c in pareto_front(candidates)}
    limits = [budget.limit for budget in settings.limits if budget.unit == "MACs"]
    plot_front(
        [_dot(c, c.trial in members) for c in candidates],
        untrained=_untrained(run, candidates),
        budget_macs=min(limits, default=None),
        bicubic_psnr=run.bicubic[0],
        title=f"{settings.run}: {len(candidates)} candidates of {settings.space_in_words}, x{settings.scale}",
        protocol=f"after brief training ({settings.recipe.steps} steps); {run.protocol.describe()}",
        hr_size=settings.hr_size,
        baseline="bicubic interpolation" if settings.scale > 1 else "the input as it is",
        png=png,
        html=html,
    )
    write_atomic(table, json.dumps(summarise(run), indent=2) + "\n")
    return png, html, table


def _dot(candidate: Candidate, on_front: bool) -> Dot:
    kind: Kind = "published" if candidate.published else "front" if on_front else "candidate"
    return Dot(candidate.label, candidate.macs, candidate.psnr, candidate.params, kind)


def _untrained(run: Run, candidates: list[Candidate]) -> dict[str, int]:
    """Return the published points that have no PSNR on this data (over budget, or not yet trained) with their MACs."""
    space, trained = SPACES.get(run.settings.space), {c.label for c in candidates}
    names = [name for name in space.published if f"{space.name}/{name}" not in trained]
    points = {name: Architecture.published(f"{space.name}/{name}", run.settings.scale) for name in names}
    return {name: cost(point, run.settings.hr_size).macs for name, point in points.items()}
