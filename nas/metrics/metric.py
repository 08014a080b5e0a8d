"""What a metric is, the registry of all, and the choice of some by their names."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from nas.errors import InputError
from search_spaces.registry import Registry

Compute = Callable[[Tensor, Tensor, float], Tensor]
"""(SR, HR, peak) → one figure an image, [N]. SR and HR are [N, 1, H, W] of whole numbers 0..peak in float64 on any
device: rounded half up, clipped and shaved before. Figures don't depend on the other images of the batch."""


@dataclass(frozen=True)
class Metric:
    """A figure that tells how near a reconstruction (SR) is to the original (HR)."""

    name: str
    """What it is asked for by, such as `ms-ssim`."""
    label: str
    """What stands above its column, such as `MS-SSIM`."""
    unit: str
    """Such as `dB`; empty for a pure number."""
    higher_is_better: bool
    compute: Compute
    digits: int = 4
    """Decimals that are worth printing."""
    limit: float = math.inf
    """The most a figure counts, where an exact reproduction would have an infinite one that hides all others."""
    least_side: int = 1
    """Pixels that an image needs on either side, inside the shave."""


@dataclass(frozen=True)
class LearnedMetric:
    """A metric that needs weights from a file."""

    name: str
    label: str
    needs: str
    """Whose weights, and how their file is named, to be told to who didn't."""
    load: Callable[[Path], Metric]
    """Reads the file; raises InputError where it holds something else or a part is missing."""


METRICS: Registry[Metric | LearnedMetric] = Registry("metric", package="nas.metrics", entry_points="nas.metrics")


def metric(
    name: str,
    *,
    label: str,
    unit: str = "",
    higher_is_better: bool = True,
    digits: int = 4,
    limit: float = math.inf,
    least_side: int = 1,
) -> Callable[[Compute], Compute]:
    """Decorator that registers a function as a metric; see `Metric`. Raises `ValueError` when the name is taken."""

    def register(compute: Compute) -> Compute:
        METRICS.add(name, Metric(name, label, unit, higher_is_better, compute, digits, limit, least_side))
        return compute

    return register


def select_metrics(
    names: Sequence[str], weights: Mapping[str, Path] | None = None
) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """The named metrics, each once, and a sentence for each that is left out for want of its weights.

    `weights` has the files of learned metrics by their names. Raises UnknownNameError for a name that nothing has, and
    InputError for a file that holds other weights, or when no metric is left.
    """
    chosen, left_out = [], []
    for name in dict.fromkeys(names):
        found = METRICS.get(name)
        file = (weights or {}).get(name)
        if isinstance(found, Metric):
            chosen.append(found)
        elif file is None:
            left_out.append(f"{found.label} is left out: it needs {found.needs}.")
        elif not file.is_file():
            left_out.append(f"{found.label} is left out: there is no file '{file}' with its weights.")
        else:
            chosen.append(found.load(file))
    if not chosen:
        raise InputError(" ".join(left_out) or "No metric is named.")
    return tuple(chosen), tuple(left_out)
