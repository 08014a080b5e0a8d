"""A run as an object: its front, its best networks, its study."""

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.trial import TrialState

from nas.api.calls import check_counts, public_call
from nas.api.events import Callback, followed
from nas.api.given import Device, device_of
from nas.api.records import FoundNetwork, RunStatus, found_network
from nas.budget import Budget
from nas.errors import InputError
from nas.evidence.benchmark.build import work_on
from nas.evidence.hand_made import HandMade, fully_trained
from nas.gain import Gain
from nas.model import RESULTS
from nas.objectives import first_cost, first_quality
from nas.parallel.placement import devices_for
from nas.search.front import Candidate, best_under, pareto_front
from nas.search.run import Run, open_run, open_run_data
from nas.search.schedule.ending import Ended
from nas.search.snapshot import Snapshot

if TYPE_CHECKING:
    from pandas import DataFrame

_PICTURE_DPI = 80


class SearchRun:
    """A run of `nas search`, opened by `nas.open` or returned by `nas.search`. Workers may continue it meanwhile.

    Example:
        >>> run = nas.open("first")
        >>> [found.trial for found in run.front()] == [found.trial for found in run.front()]
        True
    """

    def __init__(self, run: Run, ended: Ended | None = None) -> None:
        self._run, self._ended = run, ended

    @property
    def name(self) -> str:
        """The name of the run."""
        return self._run.settings.run

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self._run.folder

    @property
    def study(self) -> optuna.Study:
        """The study of the run, in which each candidate is a trial.

        Example:
            >>> len(nas.open("first").study.trials) >= 3
            True
        """
        return self._run.study

    @property
    def ended(self) -> str | None:
        """Why `nas.search` returned, in a few words; None for a run that was opened."""
        return None if self._ended is None else self._ended.words

    @property
    def bicubic(self) -> tuple[float, float]:
        """PSNR in dB and SSIM of bicubic interpolation, by the protocol of the run."""
        return self._run.bicubic

    @property
    def protocol(self) -> str:
        """The protocol of the candidates' figures, in a sentence."""
        return self._run.protocol.describe()

    @property
    def status(self) -> RunStatus:
        """The progress of the search at this moment."""
        snapshot = self._snapshot()
        running = sum(trial.state == TrialState.RUNNING for trial in snapshot.trials)
        return RunStatus(
            wanted=snapshot.settings.trials,
            tried=len(snapshot.measured),
            trained=len(snapshot.candidates),
            paused=len(snapshot.paused),
            running=running,
            given_up=len(snapshot.given_up),
        )

    def front(self) -> list[FoundNetwork]:
        """Return the networks of the Pareto front, cheapest first.

        Returns:
            The trained candidates that no other candidate dominates.

        Example:
            >>> front = nas.open("first").front()
            >>> [found.macs for found in front] == sorted(found.macs for found in front)
            True
        """
        snapshot = self._snapshot()
        return self._found(pareto_front(snapshot.candidates, snapshot.settings.objectives))

    def candidates(self) -> list[FoundNetwork]:
        """Return all networks that were trained to the end of the brief recipe, in the order of their trials.

        Example:
            >>> len(nas.open("first").candidates())
            3
        """
        return self._found(self._snapshot().candidates)

    @public_call()
    def best(self, under: str | Sequence[str] = ()) -> FoundNetwork:
        """Return the network of the highest quality, such as PSNR, that fits a tighter budget.

        Args:
            under: One or more budgets, such as `"5G-MACs"` or `["5G-MACs", "100K-params"]`. Default: no limit.

        Returns:
            The fitting network with the best first quality of the run's objectives.

        Raises:
            InputError: No network is trained yet, no network fits, or the run did not count the limited cost.

        Example:
            >>> nas.open("first").best(under="300M-MACs").macs <= 300e6
            True
        """
        snapshot = self._snapshot()
        limits = [Budget.parse(text) for text in _several(under)]
        aims, fitting = snapshot.settings.objectives, snapshot.candidates
        if not fitting:
            raise InputError(f"The run '{self.name}' has no network yet that is trained to the end.")
        for limit in limits:
            best_under(fitting, limit, aims)  # raises InputError for a cost that the run did not count
            cheapest = min(limit.of(c.figures) for c in fitting)
            fitting = [c for c in fitting if limit.excess(c.figures) <= 0]
            if not fitting:
                shown = limit.objective.in_words(cheapest)
                raise InputError(f"No network of the run '{self.name}' fits {limit}; the cheapest has {shown}.")
        quality = first_quality(aims).name
        return self._found([max(fitting, key=lambda c: c.figures[quality])])[0]

    @public_call()
    def gain_over_hand_made(
        self,
        *,
        full: bool = False,
        jobs: int = 1,
        data: str | Path | None = None,
        device: Device = None,
        callback: Callback | None = None,
    ) -> Gain | None:
        """Return how much better the networks of this run are than the published networks in its range.

        Published networks that are not trained yet are trained first, as the candidates of the run were.

        Args:
            full: Whether to compare the fully trained networks of the run, and to train the published ones alike.
            jobs: Networks to train at a time.
            data: Folder of the run's images, if they were moved. Default: as the run says.
            device: The device of the trainings. Default: a GPU if there is one.
            callback: Receives the progress of each training; may return `nas.STOP`.

        Returns:
            The gain in dB over the range of the run; None if no network of the run is trained, or if the first cost of
            the run has no budget or is neither MACs nor parameters.

        Raises:
            InputError: No published network lies in the range, or with `full` no network of the run is fully trained.
            StoppedError: The callback returned `nas.STOP`; the same call continues.

        Example:
            >>> nas.open("first").gain_over_hand_made().mean <= 0
            True
        """
        check_counts(1, jobs=jobs)
        run, where = self._run, device_of(device)
        known = HandMade.fully(run) if full else HandMade.of(run)
        known.check()
        build = known.build(open_run_data(run, None if data is None else str(data)), where)
        with followed(callback) as follower:
            work_on(build, devices_for(where, jobs), follower, follower)
        if not full:
            return known.gain([candidate.figures for candidate in self._snapshot().candidates])
        groups = fully_trained(run.folder, run.settings)
        return known.gain(next(group.networks for group in groups if group.recipe == known.recipe))

    def to_dataframe(self) -> "DataFrame":
        """Return the networks of `candidates` as a data frame, with their figures and choices.

        Returns:
            A `pandas.DataFrame` with a row for each network and the trial numbers as index; columns `choice.NAME` hold
            the choices.

        Raises:
            InputError: pandas is not installed.

        Example:
            >>> frame = nas.open("first").to_dataframe()
            >>> bool(frame.loc[frame.front, "psnr"].max() == frame.psnr.max())
            True
        """
        try:
            import pandas as pd
        except ImportError:
            raise InputError(
                "A data frame needs pandas, which is not installed; run pip install -c constraints.txt -e '.[pandas]'."
            ) from None
        snapshot = self._snapshot()
        members = {c.trial for c in pareto_front(snapshot.candidates, snapshot.settings.objectives)}
        rows = []
        for found in self._found(snapshot.candidates):
            choices = {f"choice.{name}": value for name, value in found.architecture.choices.items()}
            of_network = {"trial": found.trial, "name": found.name, "published": found.published}
            rows.append({**of_network, **found.figures, "front": found.trial in members, **choices})
        columns = ["trial", "name", "published", "front"]
        return pd.DataFrame(rows, columns=None if rows else columns).set_index("trial")

    def __repr__(self) -> str:
        status = self.status
        told = f"<SearchRun '{self.name}': {status.trained} networks trained, {status.tried} tried"
        if status.trained:
            best = self.best()
            told += f"; best {best.name}, {self._shown(best)}"
        return f"{told}; {self.folder}>"

    def _repr_png_(self) -> bytes | None:
        """Return the picture of the front, which notebooks show; None if no network is trained."""
        from nas.report.front_files import view_of
        from nas.report.front_picture import draw_picture

        snapshot = self._snapshot()
        if not snapshot.candidates:
            return None
        picture = io.BytesIO()
        draw_picture(view_of(snapshot)).savefig(picture, format="png", dpi=_PICTURE_DPI)
        return picture.getvalue()

    def _shown(self, found: FoundNetwork) -> str:
        aims = self._run.settings.objectives
        shown = (first_quality(aims), first_cost(aims))
        return ", ".join(objective.in_words(found.figures[objective.name]) for objective in shown)

    def _snapshot(self) -> Snapshot:
        return self._run.snapshot()

    def _found(self, candidates: Iterable[Candidate]) -> list[FoundNetwork]:
        return [found_network(candidate, self._run) for candidate in candidates]


@public_call()
def open(run: str | Path, *, storage: str | None = None, results: str | Path = RESULTS) -> SearchRun:
    """Open a run, also while workers continue it.

    Args:
        run: The name of the run, or the path of its folder.
        storage: SQLAlchemy URL of the study. Default: as in the settings of the run, else `study.db` in its folder.
        results: The folder with the runs, relative to the working directory.

    Returns:
        The run. Each of its methods reads the study again.

    Raises:
        InputError: There is no such run, or its study is missing.

    Example:
        >>> nas.open("first").name
        'first'
        >>> nas.open("results/first").folder
        PosixPath('results/first')
    """
    return SearchRun(open_run(str(run), storage, Path(results)))


def _several(given: str | Sequence[str]) -> Sequence[str]:
    return (given,) if isinstance(given, str) else given
