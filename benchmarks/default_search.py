"""Measures the default search: number of candidates, time, share of time without training, and the best network.

    python benchmarks/default_search.py ../shared/infrared [--run NAME]

Prints one JSON object. Runs `nas search` as a user does, in a process of its own, then reads the study. A run that is
finished already is only read, and `minutes` then is its trials' time.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from optuna.trial import TrialState

from nas.evaluation.comparison import compare
from nas.evaluation.contestant import load_contestant
from nas.model import RESULTS
from nas.search.history import RUNGS
from nas.search.run import open_run


def main() -> None:
    """Run the search, and print its time and its results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", default="benchmark")
    parser.add_argument("--budget", default="10G-MACs")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "nas", "search", "--budget", arguments.budget, "--data", str(arguments.data)]
    fresh = not (RESULTS / arguments.run).exists()
    started = time.perf_counter()
    subprocess.run([*command, "--run", arguments.run], check=True, stdout=sys.stderr)
    wall = time.perf_counter() - started
    print(json.dumps(measure(arguments.run, arguments.data, wall if fresh else None), indent=2))


def measure(name: str, data: Path, wall: float | None) -> dict[str, object]:
    """Return the figures of a finished run; `wall` is the seconds of its command, if it was timed."""
    run = open_run(name)
    trials = run.study.get_trials(deepcopy=False)
    lasted = {trial.number: trial.duration.total_seconds() for trial in trials if trial.duration}
    tried = [trial for trial in trials if RUNGS in trial.user_attrs and trial.number in lasted]
    networks = {t.user_attrs["fingerprint"]: t for t in tried}  # the last trial of each tells of all before
    training = sum(t.user_attrs["train_seconds"] for t in networks.values())
    validating = sum(t.user_attrs["validation_seconds"] for t in networks.values())
    inside, total = sum(lasted[t.number] for t in tried), wall or sum(lasted.values())
    best = max(run.candidates(), key=lambda c: c.psnr)
    validation = data / "val"
    images = validation if validation.is_dir() else data
    contestant = load_contestant(best.label, run.candidate_folder(best.last_trial))
    whole = compare([contestant], images, RESULTS / "cache", torch.device("cpu"))
    bicubic, found = (measured for _, measured in whole.rows)
    return {
        "tried": len(networks),
        "trained_fully": sum(t.state == TrialState.COMPLETE for t in trials),
        "refused": sum(t.state == TrialState.PRUNED and RUNGS not in t.user_attrs for t in trials),
        "failed": sum(t.state == TrialState.FAIL for t in trials),
        "minutes": round(total / 60, 2),
        "minutes_training": round(training / 60, 2),
        "minutes_validating": round(validating / 60, 2),
        "share_outside_training_and_validation_of_a_trial": round(1 - (training + validating) / inside, 4),
        "share_outside_training_and_validation_of_the_command": round(1 - (training + validating) / total, 4),
        "best": best.label,
        "best_macs_G": round(best.macs / 1e9, 2),
        "best_gain_dB_brief_protocol": round(best.psnr - run.bicubic[0], 3),
        "best_gain_dB_whole_images": round(found.psnr - bicubic.psnr, 3),
        "best_psnr_dB_whole_images": round(found.psnr, 3),
    }


if __name__ == "__main__":
    main()
