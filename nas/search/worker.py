"""A worker: asks the study for a candidate, refuses or trains it, and tells the study how good it is."""

import gc
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import optuna
import torch
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from torch import nn

from nas.budget import known_budgets, refusal, short
from nas.cost import Cost, cost
from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.metrics import baseline_name
from nas.model import Model
from nas.search.artifacts import attach, note, picture
from nas.search.audience import Audience
from nas.search.costs import costs_of, meter_for, values
from nas.search.growth import FlatWatch
from nas.search.run import Run
from nas.search.study import load_study, make_sampler, requeue, requeue_dead, worker_name
from nas.search.study_figures import refresh_figures
from nas.training.logs import LOG, CsvLog, to_all
from nas.training.task import BriefTask
from nas.training.trainer import TrainingStoppedError, seed_all
from proxies import PROXIES, Score
from search_spaces import Architecture

INTERRUPTED = "interrupted"
MOST_REFUSED = 500
"""Refused candidates in a row after which the search ends: nothing new fits."""
MOST_FAILED = 10
"""Failed candidates in a row after which the search ends: something other than the candidates is broken."""
_POLL_SECONDS = 1.0
_CLAIM_SECONDS = 30.0
"""How long a worker waits for another that has said what it has but then does nothing: it has died there."""


class Worker:
    """One process's part of a search; any number of them work on one study at a time."""

    def __init__(self, run: Run, data: Dataset, device: torch.device, audience: Audience, number: int = 0) -> None:
        self.run, self.data, self.device, self.audience = run, data, device, audience
        self.settings = run.settings
        self.space = run.settings.searched
        sampler = make_sampler(run.settings, number, known=len(run.study.get_trials(deepcopy=False)))
        self.study = load_study(run.storage, run.settings.run, sampler)
        self.proxy = PROXIES.get(run.settings.proxy)
        self.meter = meter_for(run.settings)
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
            states = [trial.state for trial in self.study.get_trials(deepcopy=False)]
            trained, running = states.count(TrialState.COMPLETE), states.count(TrialState.RUNNING)
            if trained >= self.settings.trials:
                return "done"
            if self.should_stop():
                return "stopped"
            if seconds is not None and time.monotonic() - started >= seconds:
                return "time is up"
            if flat := self.flat.reason():
                if not running:
                    return flat
                time.sleep(_POLL_SECONDS)  # what others still train may make it grow
                continue
            if self.refused >= MOST_REFUSED:
                return f"{MOST_REFUSED} candidates in a row were over budget or known already"
            if self.failed >= MOST_FAILED:
                return f"{MOST_FAILED} candidates in a row failed"
            if trained + running >= self.settings.trials:  # others are on the last ones; if they die, we take over
                time.sleep(_POLL_SECONDS)
                continue
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
        mine = [t for t in failed if t.user_attrs.get("worker") == worker_name() and _is_interrupted(t)]
        for trial in mine:
            if not _is_continued(self.study, trial):
                requeue(self.study, trial, crashed=False)

    def _objective(self, trial: optuna.Trial) -> tuple[float, ...]:
        try:
            scored = self._score(trial)
        except optuna.TrialPruned as refused:
            trial.set_user_attr("stopped", str(refused))
            self.refused += 1
            raise
        except (TrainingStoppedError, _EnoughError) as stop:
            self.superfluous = isinstance(stop, _EnoughError)
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
        self._claim(trial, architecture)
        for costs in known:
            self._refuse_over_budget(trial, costs)
        for name, figure in costs.items():
            trial.set_user_attr(name, figure)
        price = cost(architecture, settings.hr_size)
        label = trial.user_attrs.get("name") or f"{settings.run}:{trial.number}"
        network, score = self._train(architecture, f"{label} ({short(price.macs)} MACs)")
        self._record(trial, architecture, network, price, score)
        self.run.checkpoint(architecture).unlink(missing_ok=True)
        if (log := self._log(architecture)).is_file():  # a proxy may do without training
            log.replace(self.run.candidate_folder(trial.number) / LOG)
        gain = score.value - self.bicubic
        self.audience.say(
            f"[{trial.number}] {label}: {score.value:.2f} dB ({gain:+.2f} over {baseline_name(settings.scale)}), "
            f"{short(price.macs)} MACs"
        )
        return values({**score.metrics, "psnr": score.value, **costs}, settings)

    def _train(self, architecture: Architecture, label: str) -> tuple[nn.Module, Score]:
        seed = architecture.seed + self.settings.recipe.seed
        seed_all(seed)
        network = architecture.build()
        checkpoint = self.run.checkpoint(architecture)
        with self.audience.training(label) as listener:
            log = CsvLog(self._log(architecture))
            recipe, tell = self.settings.recipe, to_all(log, listener)
            task = BriefTask(self.data, recipe, seed, self.device, checkpoint, tell, self.should_stop)
            return network, self.proxy.score(network, task)

    def _log(self, architecture: Architecture) -> Path:
        return self.run.checkpoint(architecture).with_suffix(".csv")

    def _refuse_over_budget(self, trial: optuna.Trial, costs: Mapping[str, float]) -> None:
        for budget in known_budgets(self.settings.limits, costs):
            if budget.unit not in trial.constraints:  # a requeued trial brings its own
                trial.set_constraint(budget.unit, budget.excess(costs))
        if reason := refusal(self.settings.limits, costs):
            raise optuna.TrialPruned(reason)

    def _claim(self, trial: optuna.Trial, architecture: Architecture) -> None:
        """Take a candidate for this worker, unless its network is known or the others make up the run's number.

        Workers may do this at the same moment, so each first says what it has, then looks around. Of two that see each
        other the lower trial number goes on; the lower waits for the higher, which may have looked before the lower
        said anything and then is about to claim. Raises TrialPruned or _EnoughError.
        """
        trial.set_user_attr("fingerprint", architecture.fingerprint)
        deadline = time.monotonic() + _CLAIM_SECONDS
        while time.monotonic() < deadline:
            others = [t for t in self.study.get_trials(deepcopy=False) if t.number != trial.number]
            running = [t for t in others if t.state == TrialState.RUNNING and "fingerprint" in t.user_attrs]
            ahead = [t for t in running if "claimed" in t.user_attrs or t.number < trial.number]
            same = [t for t in others if _holds(t, architecture)]
            for rival in same:
                if rival.state != TrialState.RUNNING or rival in ahead:
                    raise optuna.TrialPruned(f"duplicate of {rival.number}")
            trained = sum(t.state == TrialState.COMPLETE for t in others)
            if trained + len(ahead) >= self.settings.trials:
                raise _EnoughError
            if not same and trained + len(running) < self.settings.trials:
                break
            if len(running) == len(ahead):
                break
            time.sleep(0.05)
        trial.set_user_attr("claimed", True)

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
        name = trial.user_attrs.get("name")
        image = picture(network.eval(), self.data.validation, self.device)
        text = note(architecture, name, score.value, metrics.get("ssim"), self.bicubic, price)
        attach(trial, self.run.artifacts, architecture, image, text)
        seconds = (datetime.now() - (trial.datetime_start or datetime.now())).total_seconds()
        figures = {
            "psnr": score.value,
            "curve": [[entry["step"], round(entry["psnr"], 3)] for entry in score.curve],
            **metrics,
            "seconds": seconds,
        }
        for key, value in figures.items():
            trial.set_user_attr(key, value)


class _EnoughError(Exception):
    """The candidates of other workers already make up the run's number."""


def _holds(trial: FrozenTrial, architecture: Architecture) -> bool:
    """Tell whether `trial` is the same network and was trained, is being or will be, or failed for good."""
    if trial.user_attrs.get("fingerprint") != architecture.fingerprint:
        return False
    if trial.state == TrialState.FAIL:
        return not _is_interrupted(trial)
    return trial.state != TrialState.PRUNED


def _is_interrupted(failed: FrozenTrial) -> bool:
    """Tell whether a failed trial was stopped from outside: by its user, or with its process."""
    return bool(failed.user_attrs.get("stopped", INTERRUPTED) == INTERRUPTED)


def _is_continued(study: optuna.Study, trial: FrozenTrial) -> bool:
    histories = (t.system_attrs.get("retry_history", []) for t in study.get_trials(deepcopy=False))
    return any(trial.number in history for history in histories)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
