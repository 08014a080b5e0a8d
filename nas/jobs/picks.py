"""The networks of a run's front that `nas train` trains, and why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nas.budget import Budget
from nas.errors import InputError
from nas.objectives import first_cost, first_quality
from nas.search.front import Candidate, best_under, knee, pareto_front, pick_from_front
from nas.search.noise import usual_noise
from nas.search.run import Run
from nas.search.snapshot import Snapshot


@dataclass(frozen=True)
class Picking:
    """What a user asks for of a front. Nothing: the knee, and the best within the budget and within half of it."""

    top: int | None = None
    """Number of networks, spread over the range of the front; 1: the best."""
    knee: bool = False
    """Whether the knee is wanted."""
    under: tuple[str, ...] = ()
    """Budgets, for the best network within each."""

    def check(self) -> None:
        """Raise InputError if options exclude each other."""
        if self.top is not None and (self.knee or self.under):
            raise InputError("--top excludes --knee and --under; give --top, or the others.")


@dataclass(frozen=True)
class Pick:
    """A network to train."""

    candidate: Candidate
    whys: tuple[str, ...]
    """Why it is trained: `knee`, `best within 10G MACs`."""

    @property
    def in_words(self) -> str:
        """The network and why it is trained: `Chosen: first:7 (knee, best within 10G MACs)`."""
        return f"Chosen: {self.candidate.label} ({', '.join(self.whys)})"

    @property
    def folder_name(self) -> str:
        """The name of its folder in the run: `trial-18`, for a published network `hybrid-SESR-M11-like`."""
        return _folder_name(self.candidate, self.candidate.trial)

    def earlier_folders(self, numbers: Sequence[int]) -> tuple[str, ...]:
        """Return the names that its folder may have by the other `numbers` of its trials."""
        names = (_folder_name(self.candidate, number) for number in numbers)
        return tuple(name for name in names if name != self.folder_name)


def pick(run: Run, asked: Picking) -> list[Pick]:
    """Return the networks of a front to train fully, by falling quality.

    Raises InputError if no network was trained to the end, if none fits a budget, or if the front has no knee.
    """
    asked.check()
    snapshot = run.snapshot()
    if not snapshot.candidates:
        raise InputError(_nothing_trained(snapshot))
    if asked.top is not None:
        return _spread(snapshot, asked.top)
    if asked.knee or asked.under:
        picked = [_knee(snapshot)] if asked.knee else []
        return _merged(snapshot, picked + [_best_within(snapshot, Budget.parse(text)) for text in asked.under])
    return _merged(snapshot, _usual(snapshot))


def _usual(snapshot: Snapshot) -> list[Pick]:
    """Return the knee, the best within the budget and the best within half of it; a knee and a half may be missing."""
    settings, candidates = snapshot.settings, snapshot.candidates
    cost = first_cost(settings.objectives).name
    budget = next((b for b in settings.budgets if b.cost == cost), settings.budgets[0])
    half = replace(budget, limit=type(budget.limit)(budget.limit / 2))
    bend = knee(candidates, settings.objectives)
    found = [Pick(bend, ("knee",))] if bend else []
    for limit in (budget, half):
        if best := best_under(candidates, limit, settings.objectives):
            found.append(Pick(best, (f"best within {limit.in_words}",)))
    return found


def _knee(snapshot: Snapshot) -> Pick:
    settings = snapshot.settings
    if bend := knee(snapshot.candidates, settings.objectives):
        return Pick(bend, ("knee",))
    count = len(pareto_front(snapshot.candidates, settings.objectives))
    raise InputError(
        f"The front of '{settings.run}' has no knee, since it has fewer than three networks ({count}); give --under "
        "or --top."
    )


def _best_within(snapshot: Snapshot, limit: Budget) -> Pick:
    if best := best_under(snapshot.candidates, limit, snapshot.settings.objectives):
        return Pick(best, (f"best within {limit.in_words}",))
    cheapest = limit.objective.in_words(min(limit.of(c.figures) for c in snapshot.candidates))
    raise InputError(f"No network of the run '{snapshot.settings.run}' fits {limit}; the cheapest has {cheapest}.")


def _spread(snapshot: Snapshot, count: int) -> list[Pick]:
    settings = snapshot.settings
    noise = usual_noise(settings.recipe.steps) if first_quality(settings.objectives).name == "psnr" else 0.0
    members = pick_from_front(snapshot.candidates, count, settings.objectives, settings.interest, noise)
    whys = ["best", *["widens the front"] * (len(members) - 2), "cheapest of the range"][: len(members)]
    return [Pick(member, (why,)) for member, why in zip(members, whys, strict=True)]


def _merged(snapshot: Snapshot, picks: Sequence[Pick]) -> list[Pick]:
    """Return each network once, with all reasons, by falling quality."""
    whys: dict[int, tuple[str, ...]] = {}
    for found in picks:
        whys[found.candidate.trial] = tuple(dict.fromkeys((*whys.get(found.candidate.trial, ()), *found.whys)))
    by_trial = {found.candidate.trial: found.candidate for found in picks}
    quality = first_quality(snapshot.settings.objectives).name
    ordered = sorted(by_trial.values(), key=lambda c: c.figures[quality], reverse=True)
    return [Pick(candidate, whys[candidate.trial]) for candidate in ordered]


def _nothing_trained(snapshot: Snapshot) -> str:
    name, failed = snapshot.settings.run, snapshot.given_up
    told = f"paused: {snapshot.paused_in_words or 'none'}; failed: {len(failed)}"
    if failed:
        told += f", the first {failed[0].label}: {failed[0].reason.rstrip('.')}"
    advice = f"nas search --run {name} continues"
    if failed and not snapshot.paused:
        advice = "correct the cause, such as the recipe, and search in another --run"
    return f"The run '{name}' has no network that was trained to the end ({told}); {advice}."


def _folder_name(candidate: Candidate, trial: int) -> str:
    return candidate.label.replace("/", "-") if candidate.published else f"trial-{trial}"
