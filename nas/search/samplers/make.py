"""The sampler of a worker, from the settings of its run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from optuna.samplers import BaseSampler, PartialFixedSampler

from nas.search.quiet import quiet_optuna
from nas.search.samplers.known_rises import load_known_rises
from nas.search.samplers.prior import load_prior
from nas.search.samplers.problem import Problem
from nas.search.samplers.sampler import SAMPLERS
from nas.search.samplers.screen import Score, make_screens
from nas.search.settings import Settings


@quiet_optuna()
def make_sampler(
    settings: Settings, worker: int, trials: int = 0, score: Score | None = None, folder: Path = Path()
) -> BaseSampler:
    """Return the sampler of worker number `worker` of a study that holds `trials` trials. Raises UnknownNameError.

    Each worker draws its own sequence, and a run that continues does not draw its first candidates again. `score` gives
    the score of a candidate by a proxy, for screens; only a worker has the data for it. `folder` is that of the run,
    where the table of its prior may lie.
    """
    maker = SAMPLERS.get(settings.sampler)
    seed = int(np.random.SeedSequence([settings.seed, worker, trials]).generate_state(1)[0])
    problem = replace(Problem.of(settings), known=load_known_rises(settings, folder))
    screens = make_screens(settings.screens, score, load_prior(settings.prior, problem, folder))
    sampler = maker(problem, seed, settings.trials, screens)
    return PartialFixedSampler(settings.fixed, sampler)
