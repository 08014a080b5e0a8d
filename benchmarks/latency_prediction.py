"""Measures the errors of latencies that are predicted from the parts of networks, and from their multiply-adds.

    python benchmarks/latency_prediction.py [results/reference] [--networks 12] [--ceiling 15] [--threads 1]

Measures points of `hybrid` on ONNX Runtime, for HR images of 1280x720 at x2: its published ones and as many random ones
of up to `--ceiling` billion multiply-adds as make up the number. Writes `latency_prediction.json` and `.png`. Each
network is predicted by a line through the others alone, from the sum of its parts and from its multiply-adds.
"""

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from nas.cost import HR_SIZE, screening_cost
from nas.deploy.latency import Latency, meter, total
from nas.deploy.latency_line import fit, left_out
from nas.image_size import show_size
from nas.report.progress import CountDisplay
from nas.search.run import RESULTS
from search_spaces import SPACES, Architecture

SPACE, FLOOR = "hybrid", 1.0


def main() -> None:
    """Measure and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results/reference"))
    parser.add_argument("--networks", type=int, default=12)
    parser.add_argument("--ceiling", type=float, default=15.0, help="Most GMACs.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--hr", type=lambda text: tuple(map(int, text.split("x"))), default=HR_SIZE)
    arguments = parser.parse_args()
    latency = meter(None, arguments.threads, RESULTS / "cache" / "latency")
    networks = drawn(arguments.networks, arguments.ceiling, arguments.hr)
    with CountDisplay("measuring") as progress:
        latency.calibrate(list(networks.values()), arguments.hr, progress)
    result = figures(latency, networks, arguments.hr)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "latency_prediction.json").write_text(json.dumps(result, indent=2) + "\n")
    draw(result, arguments.folder / "latency_prediction.png")


def drawn(count: int, ceiling: float, hr_size: tuple[int, int]) -> dict[str, Architecture]:
    """Return published points, then random networks, with `FLOOR` to `ceiling` billion multiply-adds."""
    space, generator = SPACES.get(SPACE), random.Random(0)
    points = {name: dict(point.choices) for name, point in space.published.items()}
    found: dict[str, Architecture] = {}
    while len(found) < count:
        name = next(iter(points), f"random {len(found)}")
        choices = points.pop(name, None) or {n: generator.choice(v) for n, v in space.parameters().items()}
        architecture = Architecture(SPACE, 2, 1, {**choices, **space.pinned})
        if FLOOR <= screening_cost(architecture, hr_size).macs / 1e9 <= ceiling:
            found[name] = architecture
    return found


def figures(latency: Latency, networks: dict[str, Architecture], hr_size: tuple[int, int]) -> dict[str, Any]:
    """Return the measured and predicted latency of each network, and the errors."""
    macs = {name: screening_cost(a, hr_size).macs / 1e9 for name, a in networks.items()}
    times = {name: latency.measured(a, hr_size) for name, a in networks.items()}
    sums = {name: total(latency.parts(a, hr_size) or []) for name, a in networks.items()}
    return {
        "runtime": latency.runtime.name,
        "hr_size": show_size(hr_size),
        "from parts": judged(sums, times),
        "from MACs": judged(macs, times),
        "networks": {
            name: {
                "gmacs": round(macs[name], 3),
                "measured_ms": round(times[name], 2),
                "parts_ms": round(sums[name], 2),
                "predicted_ms": round(predicted(sums, times)[name], 2),
            }
            for name in networks
        },
    }


def judged(figure: dict[str, float], times: dict[str, float]) -> dict[str, float]:
    """Return the errors of times predicted from one figure by a line that is fitted to the other networks."""
    error = left_out([(figure[name], times[name]) for name in times])
    assert error is not None  # there are networks
    logs = np.log([[figure[name], times[name]] for name in times])
    return {
        "median_error": round(error.median, 4),
        "largest_error": round(error.largest, 4),
        "correlation_of_logarithms": round(float(np.corrcoef(logs.T)[0, 1]), 4),
    }


def predicted(figure: dict[str, float], times: dict[str, float]) -> dict[str, float]:
    """Return the time of each network, predicted by a line through the other networks."""
    return {
        name: fit([(figure[other], times[other]) for other in times if other != name]).ms(figure[name])
        for name in times
    }


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the measured times over the multiply-adds, and over what is predicted."""
    rows: Sequence[dict[str, float]] = list(result["networks"].values())
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    kinds = (("gmacs", "GMACs", "from MACs"), ("predicted_ms", "predicted ms", "from parts"))
    for axis, (key, label, kind) in zip(axes, kinds, strict=True):
        axis.loglog([row[key] for row in rows], [row["measured_ms"] for row in rows], "o")
        quality = result[kind]
        axis.set_title(f"{kind}: median error {quality['median_error']:.0%}, largest {quality['largest_error']:.0%}")
        axis.set_xlabel(label)
    ends = axes[1].get_ylim()
    axes[1].loglog(ends, ends, color="grey", linewidth=0.8)
    for side in (axes[0].xaxis, axes[0].yaxis, axes[1].xaxis):
        side.set_major_locator(LogLocator(subs=(1, 2, 5)))
        side.set_major_formatter("{x:g}")
        side.set_minor_formatter(NullFormatter())
    axes[0].set_ylabel("measured ms")
    figure.suptitle(f"{len(rows)} networks of {SPACE}, HR {result['hr_size']}; {result['runtime']}")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
