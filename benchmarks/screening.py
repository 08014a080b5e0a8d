"""Measures the candidates per second that are checked against a budget: `python benchmarks/screening.py [SPACE]`.

Counts random candidates, first with nothing remembered, then with the parts that occurred.
"""

import random
import sys
import time

from rich.console import Console

from nas.cost import screening_cost
from search_spaces import SPACES, Architecture

CANDIDATES = 20_000


def main(name: str = "hybrid") -> None:
    """Print the candidates per second, with an empty and with a filled cache."""
    generator, values = random.Random(0), SPACES.get(name).parameters()
    drawn = [
        Architecture(name, 2, 1, {choice: generator.choice(allowed) for choice, allowed in values.items()})
        for _ in range(CANDIDATES)
    ]
    for label in ("cold", "warm"):
        started = time.perf_counter()
        for architecture in drawn:
            screening_cost(architecture)
        seconds = time.perf_counter() - started
        Console().print(f"{label}: {CANDIDATES / seconds:,.0f} candidates/s ({CANDIDATES:,} in {seconds:.1f} s)")


if __name__ == "__main__":
    main(*sys.argv[1:])
