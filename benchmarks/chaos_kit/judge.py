"""What a search must have in the end, whatever befell it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

Rungs = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Truth:
    """What an undisturbed run has of every network, by fingerprint."""

    rungs: Mapping[str, Rungs]
    """Steps → figures, as the study keeps them."""
    weights: Mapping[str, str]
    """Hashes of the files of the trained weights."""

    @classmethod
    def of(cls, trials: Iterable[FrozenTrial], results: Path) -> "Truth":
        """Read a finished run."""
        trained = [trial for trial in trials if trial.state == TrialState.COMPLETE]
        return cls(
            {trial.user_attrs["fingerprint"]: trial.user_attrs["rungs"] for trial in trained},
            {trial.user_attrs["fingerprint"]: _hash(_weights(results, trial)) for trial in trained},
        )


@dataclass
class Verdict:
    """What was found in the end."""

    networks: int = 0
    """Different networks that were tried."""
    trained: int = 0
    """Networks trained to the end."""
    values: int = 0
    """Figures that were compared."""
    weights: int = 0
    """Files of weights that were compared."""
    differing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)


def judge(
    trials: Sequence[FrozenTrial], truth: Truth, results: Sequence[Path], wanted: int, seeds: Sequence[str]
) -> Verdict:
    """Compare a finished search with an undisturbed one."""
    verdict, rungs = Verdict(), _merged(trials)
    trained = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    verdict.networks, verdict.trained = len(rungs), len(trained)
    if len(rungs) < wanted:
        verdict.lost.append(f"{len(rungs)} of {wanted} networks were tried")
    if len(rungs) > wanted:
        verdict.doubled.append(f"{len(rungs)} networks were tried, not {wanted}")
    names = {trial.user_attrs.get("name") for trial in trials if trial.user_attrs.get("rungs")}
    verdict.lost += [f"the seed {name} was not tried" for name in seeds if name not in names]
    for trial in trials:
        if not trial.state.is_finished():
            verdict.lost.append(f"trial {trial.number} is left {trial.state.name}")
    for fingerprint, count in Counter(trial.user_attrs["fingerprint"] for trial in trained).items():
        if count > 1:
            verdict.doubled.append(f"{fingerprint} was trained to the end {count} times")
    verdict.lost += _not_promoted(rungs)
    _compare(verdict, rungs, trained, truth, results)
    return verdict


def _merged(trials: Iterable[FrozenTrial]) -> dict[str, dict[str, dict[str, float]]]:
    """Return what was measured of each network, over all its trials."""
    rungs: dict[str, dict[str, dict[str, float]]] = {}
    for trial in trials:
        if measured := trial.user_attrs.get("rungs"):
            rungs.setdefault(trial.user_attrs["fingerprint"], {}).update(measured)
    return rungs


def _not_promoted(rungs: Mapping[str, Rungs]) -> list[str]:
    """Of all that were on a rung, a third must have gone on."""
    reached = Counter(int(steps) for measured in rungs.values() for steps in measured)
    levels, lost = sorted(reached), []
    for low, high in pairwise(levels):
        if reached[high] < reached[low] // 3:
            lost.append(f"of {reached[low]} networks on rung {low} only {reached[high]} went on")
    return lost if len(levels) == 3 else [*lost, f"there are {len(levels)} rungs, not 3"]


def _compare(
    verdict: Verdict, rungs: Mapping[str, Rungs], trained: Sequence[FrozenTrial], truth: Truth, results: Sequence[Path]
) -> None:
    for fingerprint, measured in rungs.items():
        for steps, figures in measured.items():
            verdict.values += len(figures)
            right = truth.rungs[fingerprint][steps]
            if figures != right:
                verdict.differing.append(f"{fingerprint} has {figures} after {steps} steps, not {right}")
    for trial in trained:
        fingerprint = trial.user_attrs["fingerprint"]
        last = truth.rungs[fingerprint][max(truth.rungs[fingerprint], key=int)]
        verdict.values += 1
        if trial.values[0] != last["psnr"]:
            verdict.differing.append(f"trial {trial.number} has {trial.values[0]} dB, not {last['psnr']}")
        files = [path for folder in results if (path := _weights(folder, trial)).is_file()]
        if not files:
            verdict.lost.append(f"trial {trial.number} has no weights")
        elif truth.weights[fingerprint] not in map(_hash, files):
            verdict.differing.append(f"trial {trial.number} has other weights")
        verdict.weights += len(files)


def _weights(results: Path, trial: FrozenTrial) -> Path:
    return results / "candidates" / str(trial.number) / "weights.safetensors"


def _hash(path: Path) -> str:
    """Hash the tensors of a file; its header may name other things."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = {k: v for k, v in json.loads(content[8 : 8 + size]).items() if k != "__metadata__"}
    return hashlib.sha256(json.dumps(header, sort_keys=True).encode() + content[8 + size :]).hexdigest()
