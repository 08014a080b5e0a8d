"""How well a search predicts the order of networks that it has not trained, with each prior."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nas.evidence.statistics import Numbers, banded_taus, cost_bands, taus
from nas.search.samplers.encoding import Encoding
from nas.search.samplers.figure_model import FigureModel
from nas.table import Table
from prior_kit.priors import PRIORS, load
from prior_kit.truth import SPACE, Target
from search_spaces import SPACES

KNOWN = (0, 4, 8, 16, 32)
"""Numbers of networks of the target that the search has trained."""
MACS = "multiply-adds"
"""The order by cost alone, beside the priors."""


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau between prediction and truth, one for each random choice of the known networks."""

    known: int
    way: str
    """One of `PRIORS`, or `MACS`."""
    overall: Numbers
    at_equal_cost: Numbers
    """The mean within four bands of multiply-adds."""


def agreements(target: Target, table: Table, repetitions: int) -> Iterator[Agreement]:
    """Yield the agreements of each prior for each number of known networks."""
    networks = [(row.network.choices, {"macs": row.macs, "params": row.params}) for row in table.trained]
    psnr = np.array([row.trained[0].curve[-1][1] for row in table.trained])
    macs = np.array([row.macs for row in table.trained], dtype=np.float64)
    encoding = Encoding(SPACES.get(SPACE))
    orders = [np.random.default_rng(seed).permutation(len(psnr)) for seed in range(repetitions)]
    for known in KNOWN:
        if known + 8 > len(psnr):
            return
        for way in (*PRIORS, MACS):
            found = []
            for seed, order in enumerate(orders):
                seen, rest = order[:known], order[known:]
                if way == MACS:
                    values = np.log2(macs[rest])
                else:
                    prior = load(way, seed, target.problem)
                    model = FigureModel(
                        prior.model if prior else None, encoding, [networks[i] for i in seen], psnr[seen]
                    )
                    values, _ = model.predict([networks[i] for i in rest])
                found.append(_taus(values, psnr[rest], macs[rest]))
            overall, at_equal_cost = np.array(found).T
            yield Agreement(known, way, overall, at_equal_cost)


def _taus(values: Numbers, truth: Numbers, macs: Numbers) -> tuple[float, float]:
    """Return tau, overall and at equal cost; a prediction without any order counts as 0."""
    everyone = np.arange(len(values))[None]
    both = taus(values, truth, everyone)[0], banded_taus(values, truth, cost_bands(macs), everyone)[0]
    return float(np.nan_to_num(both[0])), float(np.nan_to_num(both[1]))


def in_words(values: Numbers) -> str:
    """Return mean and standard error, `0.61 ± 0.02`."""
    return f"{values.mean():.2f} ± {values.std(ddof=1) / len(values) ** 0.5:.2f}"


def lines(found: Sequence[Agreement]) -> Iterator[str]:
    """Yield the rows of a table: each number of known networks, with all ways overall and at equal cost."""
    ways = (*PRIORS, MACS)
    heads = [f"{way}{which}" for which in ("", ", equal cost") for way in ways]
    yield "| networks known | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for known in dict.fromkeys(agreement.known for agreement in found):
        of = {agreement.way: agreement for agreement in found if agreement.known == known}
        cells = [in_words(of[way].overall) for way in ways] + [in_words(of[way].at_equal_cost) for way in ways]
        yield f"| {known} | " + " | ".join(cells) + " |"
