"""A run at one moment: every output about a running search is made from one reading of its study."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from nas.errors import InputError
from nas.metrics import Protocol
from nas.objectives import first_quality
from nas.search.front import Candidate, reference_point
from nas.search.history import MeasuredNetwork, crashes_with, has_failed, history, is_interrupted
from nas.search.settings import Settings
from nas.search.study import candidates_among
from nas.search.trial_names import first_trials, label_of


@dataclass(frozen=True)
class GivenUp:
    """A failed candidate that is not tried again."""

    trial: int
    label: str
    reason: str


@dataclass(frozen=True)
class Snapshot:
    """The state of a run at one moment. It does not change while workers continue."""

    folder: Path
    settings: Settings
    trials: Sequence[FrozenTrial]
    bicubic: tuple[float, float]
    """PSNR in dB and SSIM of bicubic interpolation by the run's protocol."""
    protocol: Protocol
    """How the candidates were measured."""

    @classmethod
    def of(cls, folder: Path, settings: Settings, study: optuna.Study) -> "Snapshot":
        """Read the study once. Raises InputError while the run is being set up."""
        attributes = study.user_attrs
        if "bicubic" not in attributes:
            raise InputError(f"The run '{settings.run}' is still being set up; try again in a moment.")
        psnr, ssim = attributes["bicubic"]
        protocol = Protocol.from_dict(attributes["protocol"])
        return cls(folder, settings, study.get_trials(deepcopy=False), (psnr, ssim), protocol)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """The candidates that were trained to the end."""
        return candidates_among(self.trials, self.settings)

    @cached_property
    def measured(self) -> list[MeasuredNetwork]:
        """The networks that were measured on at least one rung."""
        return history(self.trials)

    @cached_property
    def firsts(self) -> Mapping[int, int]:
        """The number of the first trial of its network, which is its name, for each trial."""
        return first_trials(self.trials)

    def label(self, trial: int) -> str:
        """Return the name of the network of a trial: that of the published network, else `RUN:TRIAL`."""
        return label_of(self.trials[trial], self.settings.run, self.firsts)

    @cached_property
    def reference_point(self) -> Mapping[str, float]:
        """The reference point of the hypervolume."""
        return reference_point(self.candidates, self.settings.objectives, self.bicubic, self.settings.budgets)

    @cached_property
    def paused(self) -> list[MeasuredNetwork]:
        """The networks that were measured on a rung, and wait there or are in training."""
        trained = {candidate.architecture.fingerprint for candidate in self.candidates}
        failed = {trial.user_attrs.get("fingerprint") for trial in self._failed}
        return [network for network in self.measured if network.fingerprint not in trained | failed]

    @cached_property
    def given_up(self) -> list[GivenUp]:
        """The candidates that failed by their own fault, or whose workers died too often."""
        return [GivenUp(self.firsts[t.number], self.label(t.number), _reason(t)) for t in self._failed]

    @cached_property
    def _failed(self) -> list[FrozenTrial]:
        trained = {candidate.architecture.fingerprint for candidate in self.candidates}
        failed = [trial for trial in self.trials if trial.state == TrialState.FAIL and has_failed(trial)]
        return [trial for trial in failed if trial.user_attrs.get("fingerprint") not in trained]

    @property
    def paused_in_words(self) -> str:
        """The number of paused networks by steps, and the best of them; empty if none is paused."""
        if not self.paused:
            return ""
        counts = Counter(network.steps for network in self.paused)
        places = ", ".join(f"{count} at {steps}" for steps, count in sorted(counts.items()))
        quality = first_quality(self.settings.objectives)
        farthest = max(counts)
        measured = [network for network in self.paused if network.steps == farthest and quality.name in network.figures]
        best = max(measured, key=lambda network: network.figures[quality.name], default=None)
        told = ""
        if best:
            told = f"; the best at {farthest}: {self.label(best.trial)}, {quality.in_words(best.figures[quality.name])}"
        return f"{len(self.paused)} ({places} of {self.settings.recipe.steps} steps{told})"


def _reason(trial: FrozenTrial) -> str:
    if is_interrupted(trial):
        return f"{crashes_with(trial)} workers died while training it, and none trained it further"
    return str(trial.user_attrs["stopped"])
