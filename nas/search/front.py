"""The Pareto front of a search: who is on it, how good it is, and which network to pick."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.budget import Budget
from search_spaces import Architecture


@dataclass(frozen=True)
class Candidate:
    """A trained candidate of a run."""

    trial: int
    architecture: Architecture
    label: str
    """The published point it is (`falsr/FALSR-B`), else `RUN:TRIAL`."""
    psnr: float
    """dB, by the run's protocol."""
    ssim: float | None
    """None when the proxy doesn't measure it."""
    macs: int
    params: int
    seconds: float
    published: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain data without the architecture's choices."""
        names = ("trial", "label", "psnr", "ssim", "macs", "params", "seconds", "published")
        return {name: getattr(self, name) for name in names} | {"fingerprint": self.architecture.fingerprint}


def pareto_front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates that no other beats in PSNR at no more MACs, cheapest first; of equals the earliest."""
    front: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: (c.macs, -c.psnr, c.trial)):
        if not front or candidate.psnr > front[-1].psnr:
            front.append(candidate)
    return front


def hypervolume(front: Sequence[Candidate], reference_psnr: float, reference_macs: int) -> float:
    """Return the area that `front` dominates up to the reference point, in dB times G-MACs.

    The reference is the worst acceptable network: bicubic's PSNR at the whole budget. Candidates beyond it count
    nothing (Zitzler & Thiele 1999, for two objectives).
    """
    area, best = 0.0, reference_psnr
    for candidate in pareto_front(front):
        if candidate.macs < reference_macs and candidate.psnr > best:
            area += (candidate.psnr - best) * (reference_macs - candidate.macs) / 1e9
            best = candidate.psnr
    return area


def knee(front: Sequence[Candidate]) -> Candidate | None:
    """Return the member farthest above the straight line between the ends of the front, MACs taken logarithmically.

    The bend after which more compute buys little PSNR (Das 1999); None for a front of fewer than three.
    """
    members = pareto_front(front)
    if len(members) < 3:
        return None
    x = np.log([c.macs for c in members])
    y = np.array([c.psnr for c in members])
    height = (y - y[0]) / (y[-1] - y[0]) - (x - x[0]) / (x[-1] - x[0])
    return members[int(height.argmax())]


def best_under(candidates: Sequence[Candidate], budget: Budget) -> Candidate | None:
    """Return the candidate of highest PSNR that fits the budget, or None."""
    fitting = [c for c in candidates if (c.macs if budget.unit == "MACs" else c.params) <= budget.limit]
    return max(fitting, key=lambda c: c.psnr, default=None)


def spread(front: Sequence[Candidate], count: int) -> list[Candidate]:
    """Return `count` members of the front to train fully: the best, then evenly over the rest by log MACs.

    Fewer when the front is smaller. The order is by falling PSNR.
    """
    members = pareto_front(front)
    if len(members) <= count:
        return members[::-1]
    x = np.log([c.macs for c in members])
    targets = np.linspace(x[-1], x[0], count) if count > 1 else x[-1:]
    chosen: list[int] = []
    for target in targets:
        free = [i for i in range(len(members)) if i not in chosen]
        chosen.append(min(free, key=lambda i: abs(x[i] - target)))
    return [members[i] for i in sorted(chosen, reverse=True)]
