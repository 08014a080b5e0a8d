"""Metrics, their registry, and the selection of metrics by name."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from nas.errors import InputError
from search_spaces.registry import Registry

Compute = Callable[[Tensor, Tensor, float], Tensor]
"""(SR, HR, peak) → a figure for each image, [N].

SR and HR are [N, 1, H, W], whole numbers 0..peak in float64 on any device, already rounded half up, clipped and shaved.
A figure doesn't depend on the other images of the batch.
"""


@dataclass(frozen=True)
class Metric:
    """A measure of how similar a reconstruction (SR) and the original (HR) are."""

    name: str
    """The name on the command line, such as `ms-ssim`."""
    label: str
    """The heading of its column, such as `MS-SSIM`."""
    unit: str
    """The unit, such as `dB`; empty for a pure number."""
    higher_is_better: bool
    compute: Compute
    digits: int = 4
    """Number of decimals to print."""
    limit: float = math.inf
    """The largest figure. It replaces the infinite figure of an exact reproduction, which would hide all others."""
    least_side: int = 1
    """Minimum height and width of an image in pixels, inside the shave."""


@dataclass(frozen=True)
class LearnedMetric:
    """A metric that needs weights from a file."""

    name: str
    label: str
    needs: str
    """The needed weights and the option that names their file, for the message if the file isn't given."""
    load: Callable[[Path], Metric]
    """Reads the file. Raises InputError if it holds something else, or if a package is missing."""


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
    """Decorator that registers a function as a metric; see `Metric`. Raises ValueError if the name is taken."""

    def register(compute: Compute) -> Compute:
        METRICS.add(name, Metric(name, label, unit, higher_is_better, compute, digits, limit, least_side))
        return compute

    return register


def select_metrics(
    names: Sequence[str], weights: Mapping[str, Path] | None = None
) -> tuple[tuple[Metric, ...], tuple[str, ...]]:
    """Return the named metrics, each once, and a sentence for each metric that is left out because of missing weights.

    `weights` is name → file for learned metrics. Raises UnknownNameError for an unknown name; InputError for a file
    with other weights, and if no metric is left.
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
