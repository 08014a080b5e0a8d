"""The Pareto front of a search: its members, its hypervolume, and which networks to pick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas import pareto
from nas.budget import Budget
from nas.errors import InputError
from nas.objectives import OBJECTIVES, Objective, first_cost, first_quality
from nas.search.interest import EVERY_COST, Interest
from search_spaces import Architecture


@dataclass(frozen=True)
class Candidate:
    """A trained candidate of a run."""

    trial: int
    """The number that is its name: that of the first trial of the network."""
    architecture: Architecture
    label: str
    """The name of the published point (`falsr/FALSR-B`), else `RUN:TRIAL`."""
    figures: Mapping[str, float]
    """The known figures by the names of `nas.objectives`; PSNR and SSIM by the run's protocol."""
    seconds: float
    published: bool = False
    seed: str = ""
    """The design and size of a seed that was scaled to the budget, `SESR x9, 16 ch`; empty for other candidates."""
    completed_by: int | None = None
    """The number of the trial that trained it to the end; None: `trial`."""

    @property
    def last_trial(self) -> int:
        """The number of the trial that trained it to the end; its model directory has this number."""
        return self.trial if self.completed_by is None else self.completed_by

    @property
    def psnr(self) -> float:
        """PSNR in dB."""
        return self.figures["psnr"]

    @property
    def macs(self) -> int:
        """Multiply-adds."""
        return int(self.figures["macs"])

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return int(self.figures["params"])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data without the architecture's choices; an unknown figure is None."""
        return {
            "trial": self.trial,
            "label": self.label,
            **{objective.name: self.figures.get(objective.name) for objective in OBJECTIVES.in_order()},
            "seconds": self.seconds,
            "published": self.published,
            "seed": self.seed or None,
            "fingerprint": self.architecture.fingerprint,
        }


def pareto_front(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> list[Candidate]:
    """Return the candidates that no other dominates, cheapest first; of equal candidates the earliest."""
    ordered = sorted(candidates, key=lambda c: c.trial)
    is_member = pareto.is_on_front(_points(ordered, objectives))
    cost = first_cost(objectives).name
    members = [candidate for candidate, kept in zip(ordered, is_member, strict=True) if kept]
    return sorted(members, key=lambda c: c.figures[cost])


def reference_point(
    candidates: Sequence[Candidate],
    objectives: Sequence[Objective],
    bicubic: tuple[float, float],
    limits: Sequence[Budget],
) -> dict[str, float]:
    """Return the reference point of the hypervolume: bicubic's PSNR and SSIM at the whole budget.

    For a cost without a budget, the highest cost of the candidates is taken.
    """
    worst: dict[str, float] = dict(zip(("psnr", "ssim"), bicubic, strict=True))
    for objective in objectives:
        if objective.is_cost:
            dearest = max((c.figures[objective.name] for c in candidates), default=0)
            worst[objective.name] = min((b.limit for b in limits if b.cost == objective.name), default=dearest)
    return {objective.name: worst[objective.name] for objective in objectives}


def hypervolume(
    candidates: Sequence[Candidate],
    objectives: Sequence[Objective],
    reference_point: Mapping[str, float],
    interest: Interest = EVERY_COST,
) -> float:
    """Return the volume that the candidates dominate up to the reference point (Zitzler & Thiele 1999).

    Costs count in octaves. For PSNR and MACs the volume is the area under the front as seen in its picture, in dB times
    octaves: half the multiply-adds are worth the same for a large network as for a small one. On a linear axis only
    large networks would count. Candidates beyond the reference point add nothing, and a candidate below the range of
    interest counts as if it cost the lower end.
    """
    if not candidates:
        return 0.0
    worst = pareto.losses([reference_point], objectives)[0]
    points = interest.clamped(_points(candidates, objectives), objectives)
    return pareto.hypervolume(points, [float(loss) for loss in worst])


def hypervolume_unit(objectives: Sequence[Objective]) -> str:
    """Return the unit of a hypervolume: `dB·octaves`."""
    costs = sum(objective.is_cost for objective in objectives)
    octaves = "octaves" + {1: "", 2: "²", 3: "³"}[costs]
    return "·".join([*(objective.word for objective in objectives if not objective.is_cost), octaves])


def knee(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> Candidate | None:
    """Return the member farthest above the straight line between the ends of the front, costs taken logarithmically.

    This is the bend after which more cost buys little quality (Das 1999), by the first quality and the first cost of
    the objectives. None for a front of fewer than three members.
    """
    members = _plane_front(candidates, objectives)
    if len(members) < 3:
        return None
    x, y = _plane(members, objectives)
    height = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    return members[int(height.argmax())]


def best_under(candidates: Sequence[Candidate], budget: Budget, objectives: Sequence[Objective]) -> Candidate | None:
    """Return the candidate with the highest first quality within the budget, or None.

    Raises InputError for a budget on a cost that the run did not count.
    """
    if unknown := next((c.label for c in candidates if budget.cost not in c.figures), None):
        raise InputError(
            f"The {budget.cost} of {unknown} is not known, so none can be found within {budget}; a search knows what "
            "its --objectives and --budget ask for."
        )
    quality = first_quality(objectives).name
    fitting = [c for c in candidates if budget.excess(c.figures) <= 0]
    return max(fitting, key=lambda c: c.figures[quality], default=None)


def pick_from_front(
    candidates: Sequence[Candidate],
    count: int,
    objectives: Sequence[Objective],
    interest: Interest = EVERY_COST,
    noise: float = 0.0,
) -> list[Candidate]:
    """Return `count` members of the front to train fully, by falling quality.

    They are the best, the cheapest, and between them those that together have the largest hypervolume. `noise` is the
    standard deviation of the quality between trainings of one network: members are taken for as good as they are
    expected to be without luck. The front is that of the first quality and the first cost of the objectives. Fewer
    networks if the front is smaller; with `count` 1 the best. What is cheaper than the range of interest counts as if
    it cost the lower end of the range, so of such members only the best is of use.
    """
    every = _plane_front(candidates, objectives)
    x, y = _plane(every, objectives, interest)
    useful = [i for i in range(len(every)) if i + 1 == len(every) or x[i] < x[i + 1]]
    members = [every[i] for i in useful]
    if len(members) <= count or count < 2:
        return members[::-1][:count]
    x, y = x[useful], y[useful]
    return [members[i] for i in reversed(_widest(x, _without_luck(x, y, noise), count))]


def _without_luck(x: pareto.Points, y: pareto.Points, noise: float) -> pareto.Points:
    """Return the expected qualities of a front, [N], that were measured with noise as y, [N], at the octaves x, [N].

    Their distances from a straight line are shortened by the share of the variance that is noise (Stein's shrinkage).
    """
    line = np.polyval(np.polyfit(x, y, 1), x)
    scatter = float(np.mean((y - line) ** 2))
    share = max(0.0, 1 - noise**2 / scatter) if scatter else 0.0
    expected: pareto.Points = line + share * (y - line)
    return expected


def _widest(x: pareto.Points, y: pareto.Points, count: int) -> list[int]:
    """Return the `count` points of a staircase, both ends among them, that have the largest area above the first point.

    The points are sorted by x, [N], and rise in y, [N]. By dynamic programming over the last point chosen.
    """
    ways: dict[int, tuple[float, list[int]]] = {0: (0.0, [0])}
    for _ in range(count - 1):
        longer: dict[int, tuple[float, list[int]]] = {}
        for last, (area, chosen) in ways.items():
            for following in range(last + 1, len(x)):
                wider = area + float((y[last] - y[0]) * (x[following] - x[last]))
                if following not in longer or wider > longer[following][0]:
                    longer[following] = (wider, [*chosen, following])
        ways = longer
    return ways[len(x) - 1][1]


def _points(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> pareto.Points:
    return pareto.losses([candidate.figures for candidate in candidates], objectives)


def _plane_front(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> list[Candidate]:
    return pareto_front(candidates, (first_quality(objectives), first_cost(objectives)))


def _plane(
    candidates: Sequence[Candidate], objectives: Sequence[Objective], interest: Interest = EVERY_COST
) -> tuple[pareto.Points, pareto.Points]:
    """Return the logarithm of the first cost, clamped to the range of interest, and the first quality of candidates."""
    plane = first_quality(objectives), first_cost(objectives)
    points = interest.clamped(_points(candidates, plane), plane)
    return points[:, 1], -points[:, 0]
