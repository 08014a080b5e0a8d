"""Scoring of one candidate: count its costs, train it from rung to rung, record the figures."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import optuna
import torch
from optuna_dashboard import save_note
from torch import nn

from nas.cost import Cost, cost
from nas.data.dataset import Dataset
from nas.metrics import Measurement, baseline_name
from nas.model import Model
from nas.parallel.listener import Listener
from nas.quantities import short
from nas.search.costs import Meter, costs_of, refused, values
from nas.search.faults import in_words
from nas.search.history import RUNGS, MeasuredNetwork, history
from nas.search.run import Run
from nas.search.schedule.claim import claim
from nas.search.schedule.next_action import TimeLeft, goes_on
from nas.search.show.artifacts import attach, note, picture
from nas.search.trial_names import first_trials, label_of
from nas.search.workers.holding import Heart
from nas.training.logs import LOG, CsvLog, to_all
from nas.training.report import Report
from nas.training.task import BriefResult, BriefTask
from nas.training.trainer import seed_all
from proxies import PROXIES
from search_spaces import Architecture


class PausedError(optuna.TrialPruned):
    """A candidate is paused at a rung, where others are better."""


@dataclass(frozen=True)
class Scoring:
    """Scores the candidates of a worker."""

    run: Run
    data: Dataset
    device: torch.device
    listener: Listener
    study: optuna.Study
    meter: Meter | None
    time_left: Callable[[], TimeLeft | None] = lambda: None

    def score(
        self, trial: optuna.Trial, heart: Heart, should_stop: Callable[[], bool], wanted: int | None
    ) -> tuple[float, ...]:
        """Train a candidate and return its values, in the order of the objectives.

        Raises:
            TrialPruned: The candidate is refused: over budget, or known.
            PausedError: The candidate is paused at a rung.
            EnoughError: The candidates of other workers make up the `wanted` number.
            TrainingStoppedError: `should_stop` turned true.
            Exception: Any error of the network or of the machine (see `nas.search.faults`).
        """
        settings = self.run.settings
        architecture = settings.architecture(settings.searched.suggest(trial))
        growing_costs = costs_of(architecture, settings, self.meter)
        self._refuse_over_budget(trial, costs := next(growing_costs))
        claim(self.study, trial, architecture, wanted)
        for costs in growing_costs:
            self._refuse_over_budget(trial, costs)
        for name, figure in costs.items():
            trial.set_user_attr(name, figure)
        price = cost(architecture, settings.hr_size)
        label = self.label(trial)
        network, result = self._train(trial, architecture, f"{label} ({short(price.macs)} MACs)", heart, should_stop)
        gain = f"{result.psnr - self.run.bicubic[0]:+.2f} over {baseline_name(settings.scale)}"
        told = f"{label}: {result.psnr:.2f} dB ({gain}), {short(price.macs)} MACs"
        if result.metrics["steps"] < settings.rungs[-1]:
            self._pause(trial, architecture, price, result, told)
        self._record(trial, architecture, network, price, result)
        self.listener.say(told)
        return values({**result.metrics, "psnr": result.psnr, **costs}, settings)

    def label(self, trial: optuna.Trial) -> str:
        """Return the name of the network of a trial of this worker: a published name, or `RUN:TRIAL`."""
        trials = self.study.get_trials(deepcopy=False)
        return label_of(trials[trial.number], self.run.settings.run, first_trials(trials))

    def _pause(
        self, trial: optuna.Trial, architecture: Architecture, price: Cost, result: BriefResult, told: str
    ) -> None:
        """Record the figures of a candidate that is paused. Raises PausedError."""
        rung = int(result.metrics["steps"])
        place = self.run.rungs.place_in_words(self._measured(), architecture.fingerprint, rung)
        save_note(trial, self._note(trial, architecture, price, result))
        for name, figure in result.metrics.items():  # seconds include those of the trials that this trial continues
            trial.set_user_attr(name, float(figure))
        self.listener.say(f"{told}; {place}")
        raise PausedError(place)

    def _train(
        self, trial: optuna.Trial, architecture: Architecture, label: str, heart: Heart, should_stop: Callable[[], bool]
    ) -> tuple[nn.Module, BriefResult]:
        recipe = self.run.settings.recipe
        seed = architecture.seed + recipe.seed
        seed_all(seed)
        network = architecture.build()
        checkpoint = self.run.checkpoint(architecture)

        def follow(report: Report) -> None:
            heart.step = report.step

        with self.listener.training(label) as training_listener:
            tell = to_all(CsvLog(log_beside(checkpoint)), follow, training_listener)
            goes_on = partial(self._goes_on, trial, architecture)
            task = BriefTask(self.data, recipe, seed, self.device, checkpoint, tell, should_stop, goes_on)
            return network, task.train(network, self.run.rungs.steps[:-1])

    def _goes_on(self, trial: optuna.Trial, architecture: Architecture, rung: int, measured: Measurement) -> bool:
        """Record the figures of a candidate on a rung, and return whether it continues at once."""
        _note_rung(trial, rung, {"psnr": measured.psnr, "ssim": measured.ssim})
        return goes_on(self._measured(), self.run.rungs, architecture.fingerprint, rung, self.time_left())

    def _measured(self) -> list[MeasuredNetwork]:
        return history(self.study.get_trials(deepcopy=False))

    def screened(self, proxy: str, architecture: Architecture) -> float:
        """Return the score of a candidate by a proxy that does not train; NaN if the proxy fails."""
        recipe = self.run.settings.recipe
        task = BriefTask(self.data, recipe, recipe.seed, self.device)  # all candidates see the same patches
        seed_all(architecture.seed + recipe.seed)
        try:
            return PROXIES.get(proxy).score(architecture.build(), task).value
        except (ArithmeticError, RuntimeError, ValueError) as error:
            self.listener.say(f"a candidate has no {proxy}: {in_words(error)}")
            return math.nan

    def _refuse_over_budget(self, trial: optuna.Trial, costs: Mapping[str, float]) -> None:
        if reason := refused(trial, self.run.settings, costs):
            raise optuna.TrialPruned(reason)

    def _record(
        self, trial: optuna.Trial, architecture: Architecture, network: nn.Module, price: Cost, result: BriefResult
    ) -> None:
        metrics = {name: float(value) for name, value in result.metrics.items()}
        model = Model(
            architecture,
            network,
            self.run.settings.recipe.model_dump(mode="json"),
            {"psnr": result.psnr, **metrics, "protocol": self.run.protocol.to_dict()},
        )
        model.save(self.run.candidate_folder(trial.number))
        image = picture(network.eval(), self.data.validation, self.device)
        attach(trial, self.run.artifacts, architecture, image, self._note(trial, architecture, price, result))
        seconds = (datetime.now() - (trial.datetime_start or datetime.now())).total_seconds()
        figures = {
            "psnr": result.psnr,
            "curve": [[entry["step"], round(entry["psnr"], 3)] for entry in result.curve],
            **metrics,
            "seconds": seconds,
        }
        for key, value in figures.items():
            trial.set_user_attr(key, value)
        quality = {"psnr": result.psnr} | {n: v for n, v in metrics.items() if n == "ssim"}
        _note_rung(trial, self.run.settings.recipe.steps, quality)

    def clear(self, trial: optuna.Trial) -> None:
        """Remove the checkpoint of a finished candidate, and move its log beside its weights."""
        checkpoint = self.run.checkpoint(self.run.architecture(trial.number))
        checkpoint.unlink(missing_ok=True)
        if (log := log_beside(checkpoint)).is_file():
            log.replace(self.run.candidate_folder(trial.number) / LOG)

    def _note(self, trial: optuna.Trial, architecture: Architecture, price: Cost, result: BriefResult) -> str:
        similarity = result.metrics.get("ssim")
        return note(architecture, self.label(trial), result.psnr, similarity, self.run.bicubic[0], price)


def log_beside(checkpoint: Path) -> Path:
    """Return the path of the CSV log of the training with this checkpoint."""
    return checkpoint.with_suffix(".csv")


def _note_rung(trial: optuna.Trial, steps: int, figures: dict[str, float]) -> None:
    trial.set_user_attr(RUNGS, {**trial.user_attrs.get(RUNGS, {}), str(steps): figures})
