"""A worker: asks the study for a candidate, refuses or trains it, and tells the study how good it is."""

import gc
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import optuna
import torch
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import save_note
from sqlalchemy.exc import SQLAlchemyError
from torch import nn

from nas.budget import short
from nas.cost import Cost, cost
from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.metrics import Measurement, baseline_name
from nas.model import Model
from nas.search.artifacts import attach, note, picture
from nas.search.audience import Audience
from nas.search.claim import EnoughError, claim
from nas.search.costs import costs_of, meter_for, refused, values
from nas.search.growth import FlatWatch
from nas.search.history import INTERRUPTED, RUNGS, Known, history, is_interrupted
from nas.search.run import Run
from nas.search.samplers import make_sampler
from nas.search.study import load_study, promote, requeue, requeue_dead, worker_name
from nas.search.study_figures import refresh_figures
from nas.search.turn import TIME_IS_UP, next_turn
from nas.training.logs import LOG, CsvLog, to_all
from nas.training.task import BriefTask
from nas.training.trainer import TrainingStoppedError, seed_all
from proxies import PROXIES, Score
from search_spaces import Architecture

MOST_REFUSED = 500
"""Refused candidates in a row after which the search ends: nothing new fits."""
MOST_FAILED = 10
"""Failed candidates in a row after which the search ends: something other than the candidates is broken."""
_POLL_SECONDS = 1.0


class Worker:
    """One process's part of a search; any number of them work on one study at a time."""

    def __init__(self, run: Run, data: Dataset, device: torch.device, audience: Audience, number: int = 0) -> None:
        self.run, self.data, self.device, self.audience = run, data, device, audience
        self.settings = run.settings
        self.space = run.settings.searched
        known = len(run.study.get_trials(deepcopy=False))
        sampler = make_sampler(run.settings, number, known, score=self._screened)
        self.study = load_study(run.storage, run.settings.study, sampler)
        self.proxy = PROXIES.get(run.settings.proxy)
        self.ladder = run.ladder
        self.meter = meter_for(run.settings, run.folder.parent)
        self.flat = FlatWatch(self.study, run.settings)
        self.bicubic = run.bicubic[0]
        self.should_stop: Callable[[], bool] = lambda: False
        self.refused = self.failed = 0
        self.superfluous = False

    def work(self, should_stop: Callable[[], bool], seconds: float | None = None) -> str:
        """Train candidates until the run has enough of them, and return in a few words why it ended.

        `should_stop` (looked at between two training steps) checkpoints the candidate and puts it back into the
        queue; after `seconds` no new candidate is begun. Raises RunError when the database goes away.
        """
        self.should_stop = should_stop
        try:
            return self._work(seconds)
        except (SQLAlchemyError, StorageInternalError) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise RunError(f"The study can't be reached ({reason}); the same command goes on with it.") from None

    def _work(self, seconds: float | None) -> str:
        started = time.monotonic()
        while True:
            requeue_dead(self.study)
            elapsed = 0.0 if seconds is None else (time.monotonic() - started) / max(seconds, 1e-9)
            trials = self.study.get_trials(deepcopy=False)
            turn = next_turn(trials, self.ladder, self.settings.trials, elapsed, self.flat.reason())
            if turn.end:
                return turn.end
            if self.should_stop():
                return "stopped"
            if elapsed >= 1:
                return TIME_IS_UP
            if self.refused >= MOST_REFUSED:
                return f"{MOST_REFUSED} candidates in a row were over budget or known already"
            if self.failed >= MOST_FAILED:
                return f"{MOST_FAILED} candidates in a row failed"
            if turn.waits:
                time.sleep(_POLL_SECONDS)
                continue
            if turn.promotes:
                promote(self.study, turn.promotes)
            self._try_one()

    def _try_one(self) -> None:
        try:
            refresh = partial(refresh_figures, self.settings)
            self.study.optimize(self._objective, n_trials=1, catch=(Exception,), callbacks=[refresh])
        except (UpdateFinishedTrialError, ValueError) as error:
            if isinstance(error, ValueError) and "Cannot tell" not in str(error):
                raise
            self.audience.say("a candidate was taken over by another worker, since this one was silent too long")
        except KeyboardInterrupt:
            self._requeue_own()
            raise
        if self.should_stop() or self.superfluous:
            self.superfluous = False
            self._requeue_own()

    def _requeue_own(self) -> None:
        failed = self.study.get_trials(states=(TrialState.FAIL,))
        mine = [t for t in failed if t.user_attrs.get("worker") == worker_name() and is_interrupted(t)]
        for trial in mine:
            if not _is_continued(self.study, trial):
                requeue(self.study, trial, crashed=False)

    def _objective(self, trial: optuna.Trial) -> tuple[float, ...]:
        try:
            scored = self._score(trial)
        except _OnHoldError as hold:
            trial.set_user_attr("stopped", str(hold))
            self.refused = self.failed = 0
            raise
        except optuna.TrialPruned as refused:
            trial.set_user_attr("stopped", str(refused))
            self.refused += 1
            raise
        except (TrainingStoppedError, EnoughError) as stop:
            self.superfluous = isinstance(stop, EnoughError)
            trial.set_user_attr("stopped", INTERRUPTED)
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            trial.set_user_attr("stopped", reason)
            self.failed += 1
            self.audience.say(f"[{trial.number}] failed: {reason}")
            _free_memory()
            raise
        self.refused = self.failed = 0
        return scored

    def _score(self, trial: optuna.Trial) -> tuple[float, ...]:
        settings = self.settings
        trial.set_user_attr("worker", worker_name())
        choices = dict(self.space.suggest(trial))
        architecture = Architecture(settings.space, settings.scale, settings.channels, choices)
        known = costs_of(architecture, settings, self.meter)
        self._refuse_over_budget(trial, costs := next(known))
        claim(self.study, trial, architecture, settings.trials)
        for costs in known:
            self._refuse_over_budget(trial, costs)
        for name, figure in costs.items():
            trial.set_user_attr(name, figure)
        price = cost(architecture, settings.hr_size)
        label = trial.user_attrs.get("name") or f"{settings.run}:{trial.number}"
        network, score = self._train(trial, architecture, f"{label} ({short(price.macs)} MACs)")
        gain = f"{score.value - self.bicubic:+.2f} over {baseline_name(settings.scale)}"
        told = f"[{trial.number}] {label}: {score.value:.2f} dB ({gain}), {short(price.macs)} MACs"
        if not score.is_final:
            rung = int(score.metrics["steps"])
            place = self.ladder.place_in_words(self._known(), architecture.fingerprint, rung)
            save_note(trial, self._note(trial, architecture, price, score))
            for name, figure in score.metrics.items():  # seconds are with those of the trials that it goes on from
                trial.set_user_attr(name, float(figure))
            self.audience.say(f"{told}; {place}")
            raise _OnHoldError(place)
        self._record(trial, architecture, network, price, score)
        self.run.checkpoint(architecture).unlink(missing_ok=True)
        if (log := self._log(architecture)).is_file():  # a proxy may do without training
            log.replace(self.run.candidate_folder(trial.number) / LOG)
        self.audience.say(told)
        return values({**score.metrics, "psnr": score.value, **costs}, settings)

    def _train(self, trial: optuna.Trial, architecture: Architecture, label: str) -> tuple[nn.Module, Score]:
        seed = architecture.seed + self.settings.recipe.seed
        seed_all(seed)
        network = architecture.build()
        checkpoint = self.run.checkpoint(architecture)
        with self.audience.training(label) as listener:
            log = CsvLog(self._log(architecture))
            recipe, tell = self.settings.recipe, to_all(log, listener)
            goes_on = partial(self._goes_on, trial, architecture)
            task = BriefTask(self.data, recipe, seed, self.device, checkpoint, tell, self.should_stop, goes_on)
            return network, self.proxy.score(network, task)

    def _goes_on(self, trial: optuna.Trial, architecture: Architecture, rung: int, measured: Measurement) -> bool:
        """Note what a candidate has on a rung, and tell whether it is among the best there."""
        self._note_rung(trial, rung, {"psnr": measured.psnr, "ssim": measured.ssim})
        return self.ladder.lets_on(self._known(), architecture.fingerprint, rung)

    def _note_rung(self, trial: optuna.Trial, steps: int, figures: dict[str, float]) -> None:
        trial.set_user_attr(RUNGS, {**trial.user_attrs.get(RUNGS, {}), str(steps): figures})

    def _known(self) -> list[Known]:
        return history(self.study.get_trials(deepcopy=False))

    def _screened(self, proxy: str, architecture: Architecture) -> float:
        """Return the score of a candidate by a proxy that doesn't train; NaN where it fails."""
        recipe = self.settings.recipe
        task = BriefTask(self.data, recipe, recipe.seed, self.device)  # all candidates see the same patches
        seed_all(architecture.seed + recipe.seed)
        try:
            return PROXIES.get(proxy).score(architecture.build(), task).value
        except (ArithmeticError, RuntimeError, ValueError) as error:
            self.audience.say(f"a candidate has no {proxy}: {type(error).__name__}: {error}".splitlines()[0][:300])
            _free_memory()
            return math.nan

    def _log(self, architecture: Architecture) -> Path:
        return self.run.checkpoint(architecture).with_suffix(".csv")

    def _refuse_over_budget(self, trial: optuna.Trial, costs: Mapping[str, float]) -> None:
        if reason := refused(trial, self.settings, costs):
            raise optuna.TrialPruned(reason)

    def _record(
        self, trial: optuna.Trial, architecture: Architecture, network: nn.Module, price: Cost, score: Score
    ) -> None:
        metrics = {name: float(value) for name, value in score.metrics.items()}
        model = Model(
            architecture,
            network,
            self.settings.recipe.model_dump(mode="json"),
            {"psnr": score.value, **metrics, "protocol": self.run.protocol.to_dict()},
        )
        model.save(self.run.candidate_folder(trial.number))
        image = picture(network.eval(), self.data.validation, self.device)
        attach(trial, self.run.artifacts, architecture, image, self._note(trial, architecture, price, score))
        seconds = (datetime.now() - (trial.datetime_start or datetime.now())).total_seconds()
        figures = {
            "psnr": score.value,
            "curve": [[entry["step"], round(entry["psnr"], 3)] for entry in score.curve],
            **metrics,
            "seconds": seconds,
        }
        for key, value in figures.items():
            trial.set_user_attr(key, value)
        quality = {"psnr": score.value} | {n: v for n, v in metrics.items() if n == "ssim"}
        self._note_rung(trial, self.settings.recipe.steps, quality)

    def _note(self, trial: optuna.Trial, architecture: Architecture, price: Cost, score: Score) -> str:
        name, similarity = trial.user_attrs.get("name"), score.metrics.get("ssim")
        return note(architecture, name, score.value, similarity, self.bicubic, price)


class _OnHoldError(optuna.TrialPruned):
    """A candidate has come to a rung where others are better."""


def _is_continued(study: optuna.Study, trial: FrozenTrial) -> bool:
    histories = (t.system_attrs.get("retry_history", []) for t in study.get_trials(deepcopy=False))
    return any(trial.number in history for history in histories)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
