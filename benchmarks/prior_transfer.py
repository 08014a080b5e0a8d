"""Measures whether the shipped prior helps searches on other images, and at another scale, than those of its table.

    python benchmarks/prior_transfer.py ../shared/infrared

The shipped table holds infrared images at x2. The targets are synthetic scenes at x2, and the infrared images at x3:
the same 50 networks of `hybrid` are trained for both, briefly, on one thread. Then the shipped prior, no prior, and the
shipped table with its figures at wrong networks are compared, in predictions and in replayed searches. The command
continues where it was stopped. Writes results/reference/prior_transfer.md and prior_transfer.json.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from prior_kit import predictions, replays
from prior_kit.predictions import Agreement, agreements
from prior_kit.replays import Replay, searched
from prior_kit.truth import INFRARED_X3, SYNTHETIC, TARGETS, Target, train

from nas.evidence.statistics import taus
from nas.model import RESULTS
from nas.table import Table


def main() -> None:
    """Train what is missing, compare the priors, and write the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--networks", type=int, default=36, help="random networks")
    parser.add_argument("--seeds-of-search", type=int, default=14, help="networks that a search would start with")
    parser.add_argument("--repetitions", type=int, default=20, help="random choices of the known networks")
    parser.add_argument("--replays", type=int, default=20, help="replayed searches with each prior; 0: none")
    parser.add_argument("--only", choices=[target.name for target in TARGETS], help="only train for this target")
    arguments = parser.parse_args()
    wanted = [target for target in TARGETS if arguments.only in (None, target.name)]
    tables = {
        target: train(target, arguments.data, arguments.steps, arguments.networks, arguments.seeds_of_search)
        for target in wanted
    }
    if arguments.only:
        return
    text, data = [f"# Does the shipped prior transfer?\n\n{ceiling(tables)}\n"], {}
    for target, table in tables.items():
        predicted = list(agreements(target, table, arguments.repetitions))
        courses = searched(target, table, arguments.replays) if arguments.replays else []
        text.append(section(target, table, predicted, courses))
        data[target.name] = plain(predicted, courses)
    reference = RESULTS / "reference"
    (reference / "prior_transfer.json").write_text(json.dumps(data) + "\n", encoding="utf-8")
    (reference / "prior_transfer.md").write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))


def ceiling(tables: dict[Target, Table]) -> str:
    """Return how well the two targets agree with each other: no prior can be expected to agree much better."""
    choices = [{str(row.network.choices): row for row in tables[target].trained} for target in (SYNTHETIC, INFRARED_X3)]
    both = sorted(choices[0].keys() & choices[1].keys())
    here, there = ([of[name].trained[0].curve[-1][1] for name in both] for of in choices)
    tau = taus(np.array(here), np.array(there), np.arange(len(both))[None])[0]
    return (
        f"{len(both)} networks of `hybrid` were trained for both targets. Kendall's tau between the two orders: "
        f"{tau:.2f}.\nBelow, ± is the standard error over random choices of the known networks, and brackets hold the "
        "95 % interval of the mean over seeds."
    )


def section(target: Target, table: Table, predicted: Sequence[Agreement], courses: Sequence[Replay]) -> str:
    """Return the section of a target in the report."""
    recipe = table.header.recipe
    lines = [
        f"## To {target.title}",
        "",
        f"{len(table.trained)} networks, {recipe.steps} steps of {recipe.batch} patches of {recipe.patch} LR pixels. "
        "Kendall's tau of the predicted order of the other networks:",
        "",
        *predictions.lines(predicted),
        "",
    ]
    if courses:
        lines += [
            f"The default search within {target.budget}, replayed. Hypervolume over the range of interest, in dB times "
            "octaves:",
            "",
            *replays.lines(courses),
            "",
        ]
    return "\n".join(lines)


def plain(predicted: Sequence[Agreement], courses: Sequence[Replay]) -> dict[str, object]:
    """Return the figures of a target as plain data."""
    return {
        "predictions": [
            {
                "known": agreement.known,
                "way": agreement.way,
                "tau": [round(tau, 4) for tau in agreement.overall.tolist()],
                "tau_at_equal_cost": [round(tau, 4) for tau in agreement.at_equal_cost.tolist()],
            }
            for agreement in predicted
        ],
        "replays": [
            {"prior": course.prior, "seed": course.seed, "hypervolume": round(course.hypervolumes[-1], 4)}
            for course in courses
        ],
    }


if __name__ == "__main__":
    main()
