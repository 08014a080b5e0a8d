"""Tables whose curves follow a formula, so that tests know the best networks."""

from collections.abc import Callable

import numpy as np
import torch

from nas.budget import Budget
from nas.evidence.benchmark.selection import Wanted
from nas.search.sample import draw_sample
from nas.table import Header, Row, Table, Training
from nas.training.recipe import load_recipe
from search_spaces import SPACES, Choices

STEPS = (100, 300, 900)
BUDGET = "300M-MACs"
SECONDS_PER_GIGA = 50.0
"""Seconds of a whole training, for a network of 1G multiply-adds."""

Formula = Callable[[Choices, float], float]
"""(choices, log2 of multiply-adds) → PSNR in dB after the last step."""


def wide_is_good(choices: Choices, log_macs: float) -> float:
    """Return a PSNR that grows with the multiply-adds and is 1 dB lower for a kernel of 1."""
    return 30 + 0.3 * (log_macs - 20) + 1.0 * (choices["kernel"] == 3)


def formula_table(
    formula: Formula = wide_is_good, *, space: str = "dots", count: int = 60, seeds: int = 1, noise: float = 0.0
) -> Table:
    """Return a table of random networks whose curves rise to the values of the formula."""
    wanted = Wanted(2, 1, (1280, 720), (Budget.parse(BUDGET),))
    rng = np.random.default_rng(0)
    rows = []
    for drawn in draw_sample(wanted.of(SPACES.get(space)), count, most_published=0):
        macs = drawn.cost.macs
        last = formula(drawn.architecture.choices, float(np.log2(macs)))
        rise = 0.5 if drawn.architecture.choices.get("kernel") == 3 else 0.4
        trainings = []
        for seed in range(seeds):
            shift = noise * rng.normal()
            curve = tuple((step, last + shift - rise * (1 - step / 900)) for step in STEPS)
            spent = SECONDS_PER_GIGA * macs / 1e9
            trainings.append(Training(seed=seed, curve=curve, training_seconds=spent, validation_seconds=0.3))
        plain = drawn.architecture.to_dict()
        rows.append(Row(architecture=plain, macs=macs, params=drawn.cost.params, trainings=tuple(trainings)))
    header = Header(
        scale=2,
        budgets=(BUDGET,),
        spaces={space: ""},
        data="formula",
        data_fingerprint="",
        protocol={},
        bicubic=(30.0, 0.9),
        recipe=load_recipe("brief", torch.device("cpu"), steps=900),
        device="none",
        clock="CPU seconds",
        versions={},
    )
    return Table(header=header, rows=tuple(rows))
