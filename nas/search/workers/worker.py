"""A worker: it takes trials, refuses or trains their networks, and writes their values into the study."""

import gc
import time
from collections.abc import Callable

import optuna
import torch
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.parallel.listener import Listener
from nas.search.costs import meter_for
from nas.search.faults import in_words, is_the_networks
from nas.search.history import FIXED, INTERRUPTED, RUNGS, STOPPED, MeasuredNetwork, history
from nas.search.quiet import quiet_optuna
from nas.search.run import Run
from nas.search.samplers import make_sampler
from nas.search.samplers.prior import tables_of
from nas.search.schedule.claim import EnoughError
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.ending import Ended, Ending
from nas.search.schedule.hypervolume_history import FlatWatch
from nas.search.schedule.next_action import Action, TimeLeft, next_action
from nas.search.show.figures import refresh_figures
from nas.search.storage.patience import FAULTS, StorageLostError
from nas.search.study import load_study
from nas.search.trial_names import first_trials
from nas.search.workers.holding import Heart, TakenOverError, promote, take, tell
from nas.search.workers.outcome import Outcome, Streak, WaitingNote
from nas.search.workers.recovery import Recovery, put_back
from nas.search.workers.scoring import PausedError, Scoring
from nas.training.trainer import TrainingStoppedError
from search_spaces import Architecture

_POLL_SECONDS = 1.0


class Worker:
    """One process of a search. Any number of workers share a study."""

    def __init__(
        self,
        run: Run,
        data: Dataset,
        device: torch.device,
        listener: Listener,
        number: int = 0,
        workers: int = 1,
    ) -> None:
        self.run, self.listener, self.workers = run, listener, workers
        self.settings = run.settings
        trials = len(run.study.get_trials(deepcopy=False))
        sampler = make_sampler(run.settings, number, trials, self._screened, run.folder)
        for file in tables_of(run.settings.prior, run.folder):
            if not file.is_file():
                listener.say(f"{file}, the prior of the run, is not on this machine; this worker searches without it.")
        self.study = load_study(run.storage, run.settings.study, sampler)
        meter = meter_for(run.settings, run.folder.parent)
        self.scoring = Scoring(run, data, device, listener, self.study, meter, self._time_left)
        self.rungs = run.rungs
        self.flat = FlatWatch(self.study, run.settings)
        self.recovery = Recovery(self.study, run.storage, listener.say)
        self.should_stop: Callable[[], bool] = lambda: False
        self.deadline: Deadline | None = None
        self.streak = Streak()
        self.waiting = WaitingNote(listener.say)

    @quiet_optuna()
    def work(self, should_stop: Callable[[], bool], deadline: Deadline | None = None) -> Ended:
        """Train candidates until the search ends, and return why this worker ended.

        When `should_stop` turns true (it is called between training steps), and at the deadline, the candidate is
        checkpointed and goes back into the queue. Raises RunError if something other than the candidates is broken,
        such as a database that is away for long or a full disk; the same command then continues the candidate.
        """
        self.should_stop, self.deadline = should_stop, deadline
        patience = self.run.storage.patience
        patience.say, patience.should_stop = self.listener.say, should_stop
        try:
            while (ended := self._turn()) is None:
                pass
        except FAULTS as error:
            raise patience.lost(error) from None
        return ended

    @property
    def wanted(self) -> int | None:
        """Number of candidates to try; None if the number was planned for a time, since then the time decides."""
        return None if self.deadline and self.settings.is_planned else self.settings.trials

    def _time_left(self) -> TimeLeft | None:
        if self.deadline is None:
            return None
        return TimeLeft(self.deadline.left, self.deadline.seconds, self.workers)

    def _turn(self) -> Ended | None:
        """Take one turn. Return why the worker ends; None if it continues."""
        self.run.check_study()
        self.recovery.look()
        action = self._next_action()
        if action.end:
            return Ended(action.end, self.flat.reason() or "" if action.end == Ending.FLAT else action.end.value)
        if self.should_stop():
            return Ended(Ending.STOPPED, "stopped")
        if self.deadline and self.deadline.is_over:
            return Ended(Ending.TIME_IS_UP, "time is up")
        if ended := self.streak.ended:
            return ended
        firsts = first_trials(self.study.get_trials(deepcopy=False)) if action.waits_for else {}
        self.waiting.note(tuple(firsts[number] for number in action.waits_for))
        if action.waits_for:
            time.sleep(_POLL_SECONDS)
        else:
            self.try_one(action.promotes)
        return None

    def _next_action(self) -> Action:
        trials = self.study.get_trials(deepcopy=False)
        return next_action(trials, self.rungs, self.wanted, self._time_left(), self.flat.reason() is not None)

    def try_one(self, promoted: MeasuredNetwork | None = None) -> None:
        """Take the next trial, or promote a paused network, and finish the trial.

        Raises RunError if something other than the network is broken.
        """
        trial = take(self.study) if promoted is None else promote(self.study, promoted)
        try:
            with Heart(self.run.storage, trial) as heart:
                outcome = self._score(trial, heart)
                tell(self.study, trial, outcome.state, outcome.values)
        except (TakenOverError, UpdateFinishedTrialError):
            self.listener.say(
                f"{self.scoring.label(trial)} was taken over by another worker, since this one was silent too long"
            )
            return
        frozen = self.study.get_trials(deepcopy=False)[trial.number]
        if outcome.goes_back:
            put_back(self.study, frozen, self.listener.say)
        if outcome.ends:
            raise outcome.ends
        if outcome.state == TrialState.COMPLETE:
            self.scoring.clear(trial)
        refresh_figures(self.settings, self.study, frozen)

    def _score(self, trial: optuna.Trial, heart: Heart) -> Outcome:
        """Score a candidate and return its outcome. Raises TakenOverError, and FAULTS of the database."""

        kept = self._kept_for_the_front(trial)

        def should_stop() -> bool:
            if self.should_stop() or heart.is_lost:
                return True
            # A candidate that is slow to its first rung must not use up the time that the front needs.
            reserve = kept if heart.step < self.rungs.steps[0] else 0.0
            return self.deadline is not None and self.deadline.left <= reserve

        try:
            values = self.scoring.score(trial, heart, should_stop, self.wanted)
        except PausedError as pause:
            self.streak = Streak()
            return self._unfinished(trial, str(pause), TrialState.PRUNED)
        except optuna.TrialPruned as refused:
            self.streak.refused += 1
            return self._unfinished(trial, str(refused), TrialState.PRUNED)
        except EnoughError:
            if self._was_queued(trial):  # a queued candidate is tried when the search is extended
                return self._unfinished(trial, INTERRUPTED, TrialState.FAIL, goes_back=True)
            return self._unfinished(trial, "the others made up the number", TrialState.PRUNED)
        except TrainingStoppedError:
            if heart.is_lost:
                raise TakenOverError from None
            return self._unfinished(trial, INTERRUPTED, TrialState.FAIL, goes_back=True)
        except (TakenOverError, UpdateFinishedTrialError, StorageLostError, *FAULTS):
            raise
        except KeyboardInterrupt as error:
            return self._unfinished(trial, INTERRUPTED, TrialState.FAIL, goes_back=True, ends=error)
        except Exception as error:
            return self._failed(trial, error)
        self.streak = Streak()
        return Outcome(TrialState.COMPLETE, values)

    def _kept_for_the_front(self, trial: optuna.Trial) -> float:
        """Return the seconds at the end of the time that a new candidate must leave to possible front members."""
        time_left = self._time_left()
        if time_left is None or len(self.rungs.steps) == 1 or RUNGS in trial.user_attrs:
            return 0.0
        return time_left.closing(history(self.study.get_trials(deepcopy=False)), self.rungs)

    def _failed(self, trial: optuna.Trial, error: Exception) -> Outcome:
        reason = in_words(error)
        _free_memory()
        if is_the_networks(error):
            self.streak.failed += 1
            self.listener.say(f"{self.scoring.label(trial)} failed: {reason}")
            return self._unfinished(trial, reason, TrialState.FAIL)
        ends = RunError(f"{reason.rstrip('.')}. The candidate in training continues with the same command.")
        return self._unfinished(trial, INTERRUPTED, TrialState.FAIL, goes_back=True, ends=ends)

    def _was_queued(self, trial: optuna.Trial) -> bool:
        return FIXED in self.study.get_trials(deepcopy=False)[trial.number].system_attrs

    def _unfinished(
        self,
        trial: optuna.Trial,
        reason: str,
        state: TrialState,
        *,
        goes_back: bool = False,
        ends: BaseException | None = None,
    ) -> Outcome:
        trial.set_user_attr(STOPPED, reason)
        return Outcome(state, None, goes_back, ends)

    def _screened(self, proxy: str, architecture: Architecture) -> float:
        return self.scoring.screened(proxy, architecture)


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
