"""Replayed searches that differ only in their prior."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nas.evidence.benchmark.replay import Conditions, replay
from nas.evidence.benchmark.response import fit
from nas.evidence.statistics import Numbers, draws, interval
from nas.search.option import DEFAULT_SAMPLER, DEFAULT_SCREENS, DEFAULT_TRIALS, NO_PRIOR
from nas.table import Table
from prior_kit.priors import FOLDER, PRIORS, load, prior_setting
from prior_kit.truth import SPACE, Target

POINTS = 200
"""Moments at which the hypervolumes of searches are compared."""


@dataclass(frozen=True)
class Replay:
    """A search with one of the priors: simulated seconds and hypervolumes after each training."""

    prior: str
    seed: int
    seconds: tuple[float, ...]
    hypervolumes: tuple[float, ...]

    def at(self, seconds: Numbers) -> Numbers:
        """Return the hypervolume that was reached at these simulated seconds; 0 before the first training."""
        reached = np.array([0.0, *self.hypervolumes])
        return np.asarray(reached[np.searchsorted(self.seconds, seconds, side="right")])


def searched(target: Target, table: Table, seeds: int) -> list[Replay]:
    """Return the default search with each prior and seed. Finished searches are kept for a command that continues."""
    path = FOLDER / f"{target.name}-{len(table.trained)}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = path.read_text().splitlines() if path.is_file() else []
    found = {(done.prior, done.seed): done for done in (Replay(**json.loads(line)) for line in kept)}
    missing = [(prior, seed) for seed in range(seeds) for prior in PRIORS if (prior, seed) not in found]
    common = conditions(target, table)
    for prior, seed in missing:
        if prior != NO_PRIOR and load(prior, seed, target.problem) is None:
            found[prior, seed] = replace(found[NO_PRIOR, seed], prior=prior)  # a prior that says nothing is none
        else:
            found[prior, seed] = _searched(common, prior, seed)
        with path.open("a") as file:
            file.write(json.dumps(vars(found[prior, seed])) + "\n")
    return [found[prior, seed] for prior in PRIORS for seed in range(seeds)]


def conditions(target: Target, table: Table) -> Conditions:
    """Return the conditions of the default search on a CPU."""
    return Conditions(
        table.header,
        fit(table, SPACE),
        trials=DEFAULT_TRIALS["cpu"],
        on_rungs=True,
        screens=DEFAULT_SCREENS,
        seeded=True,
        range_from=tuple(str(end) for end in target.problem.interest.ends),
    )


def _searched(common: Conditions, prior: str, seed: int) -> Replay:
    moments = replay(replace(common, prior=prior_setting(prior, seed)), DEFAULT_SAMPLER, seed).moments
    return Replay(prior, seed, tuple(m.seconds for m in moments), tuple(m.hypervolume for m in moments))


def lines(found: Sequence[Replay]) -> Iterator[str]:
    """Yield the rows of a table: the hypervolume of each prior over the time, with the time to no prior's end."""
    end = float(np.mean([each.seconds[-1] for each in found if each.prior == NO_PRIOR]))
    times = np.linspace(0, end, POINTS + 1)[1:]
    curves: Mapping[str, Numbers] = {
        prior: np.array([each.at(times) for each in found if each.prior == prior]) for prior in PRIORS
    }
    aim = curves[NO_PRIOR].mean(axis=0)[-1]
    yield "| prior | mean over the time | at the end | difference to none, at the end | time to none's end |"
    yield "|---|---|---|---|---|"
    for prior, curve in curves.items():
        there = np.flatnonzero(curve.mean(axis=0) >= aim)
        share = f"{times[there[0]] / end:.2f} of {end / 60:.1f} min" if len(there) else "never"
        difference = curve[:, -1] - curves[NO_PRIOR][:, -1]
        cells = [f"{curve.mean():.2f}", _estimate(curve[:, -1]), _estimate(difference), share]
        yield f"| {prior} | " + " | ".join(cells) + " |"


def _estimate(values: Numbers) -> str:
    """Return the mean with its 95 % bootstrap interval."""
    low, high = interval(values[draws(len(values))].mean(axis=1))
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"
