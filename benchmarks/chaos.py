"""Disturbs searches at random moments, and counts what they lose.

    python benchmarks/chaos.py --storage sqlite --runs 20 --to results/chaos.json
    python benchmarks/chaos.py --storage postgres --runs 10 --to results/chaos_postgres.json

Each run is a search that is killed, stopped, frozen or cut off from its database at least three times; its command is
given again until it is done. In the end every requested network must have been tried once, every figure and every
weight must be what an undisturbed run has, bit by bit, nothing may hang, and exit codes must be right.

`sqlite` is one command with `--jobs 2`; `postgres` is two workers with a folder each and a server of their own.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from chaos_kit.plan import ChaosPlan, Outcome
from chaos_kit.run import disturb
from chaos_kit.searches import CancelledError, find_truth

COLUMNS = ("run", "events", "s", "starts", "networks", "values", "weights", "differing", "lost", "doubled", "hung")
COLUMNS += ("tracebacks", "wrong codes", "gave up", "left behind")


def main() -> None:
    """Disturb searches, print a table and write it with all details."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="Of the first run; the others count on.")
    parser.add_argument("--only-seed", type=int, help="Repeat this run alone.")
    parser.add_argument("--event", action="append", default=[], help="Instead of those that the seed chooses.")
    parser.add_argument("--at-once", type=int, default=1, help="Runs at a time.")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--data", type=Path, help="Folder with train and val; default: random blobs.")
    parser.add_argument("--keep", type=Path, help="Where the folders of the runs are kept.")
    parser.add_argument("--to", type=Path, help="JSON file for the outcome; the table is written beside it.")
    given = parser.parse_args()
    seeds = [given.only_seed] if given.only_seed is not None else range(given.seed, given.seed + given.runs)
    plans = [ChaosPlan(given.storage, seed, given.trials, given.event) for seed in seeds]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="nas-chaos-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcomes = play(plans, folder.resolve(), given.data and given.data.resolve(), given.at_once)
    table = as_table(outcomes)
    print(f"\n{table}\n")
    if given.to:
        given.to.parent.mkdir(parents=True, exist_ok=True)
        given.to.write_text(json.dumps([outcome.to_dict() for outcome in outcomes], indent=2) + "\n")
        given.to.with_suffix(".md").write_text(table + "\n")
    sys.exit(any(outcome.faults for outcome in outcomes))


def play(plans: Sequence[ChaosPlan], folder: Path, data: Path | None, at_once: int = 1) -> list[Outcome]:
    """Disturb a search for each of `plans`, and say how each went; the folders of those without a fault stay small."""
    folder = folder / time.strftime("%H%M%S")
    data = data or write_blobs(folder / "images")
    stop = threading.Event()

    def run_plan(plan: ChaosPlan) -> Outcome:
        outcome = disturb(plan, folder / f"{plan.storage}{plan.seed}", data, truth, stop.is_set)
        faults = "; ".join(outcome.faults) or "right"
        print(f"{plan.storage} {plan.seed}: {', '.join(outcome.events)}; {outcome.seconds:.0f} s: {faults}", flush=True)
        return outcome

    try:
        truth = find_truth(folder / "truth", data, cancelled=stop.is_set)
        with ThreadPoolExecutor(at_once) as executor:
            futures = [executor.submit(run_plan, plan) for plan in plans]
            try:
                return [future.result() for future in futures]
            except BaseException:
                stop.set()
                for future in futures:
                    future.cancel()
                raise
    except CancelledError:
        sys.exit(130)


def write_blobs(folder: Path) -> Path:
    """Write four training images and two for validation."""
    rng = random.Random(0)
    for part, count in (("train", 4), ("val", 2)):
        (folder / part).mkdir(parents=True)
        for index in range(count):
            noise = np.random.default_rng(rng.randrange(2**32)).uniform(0, 255, (80, 96)).astype(np.float32)
            blurred = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
            cv2.imwrite(str(folder / part / f"{index}.png"), blurred.astype(np.uint8))
    return folder


def as_table(outcomes: Sequence[Outcome]) -> str:
    """Return a line for each run and one for their sum, as Markdown."""
    rows = [_row(outcome) for outcome in outcomes]
    kinds = Counter(name for outcome in outcomes for name in outcome.events)
    total = ["all", f"{kinds.total()}", *(sum(map(int, column)) for column in list(zip(*rows, strict=True))[2:])]
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows, total]
    table = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    hits = sum(outcome.aimed_hits for outcome in outcomes)
    counts = ", ".join(f"{name} {count}" for name, count in kinds.most_common())
    return f"{table}\n\nEvents: {counts}. A trial was left taken without a worker {hits} times."


def _row(outcome: Outcome) -> list[object]:
    v = outcome.verdict
    counts = (v.differing, v.lost, v.doubled, outcome.hung)
    return [
        *(f"{outcome.storage} {outcome.seed}", ", ".join(outcome.events), round(outcome.seconds), outcome.starts),
        *(v.networks, v.values, v.weights, *map(len, counts), outcome.tracebacks),
        *map(len, (outcome.wrong_codes, outcome.gave_up, outcome.orphans)),
    ]


if __name__ == "__main__":
    main()
