"""A run: its directory, its settings and its study."""

from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore

from nas.data.dataset import Dataset
from nas.errors import InputError, RunError
from nas.metrics import Protocol, bicubic_baseline
from nas.model import RESULTS as RESULTS
from nas.search.front import Candidate, reference_point
from nas.search.history import MeasuredNetwork, history
from nas.search.images import images_of, open_for
from nas.search.mended import run_settings
from nas.search.quiet import quiet_optuna
from nas.search.run_id import identified
from nas.search.samplers.known_rises import load_known_rises
from nas.search.schedule.rungs import Rungs
from nas.search.settings import Settings, check_data
from nas.search.snapshot import Snapshot
from nas.search.storage.database import SearchStorage
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url, study_file_in
from nas.search.study import architecture_of, candidates, load_study
from nas.training.devices import pick_device
from search_spaces import Architecture


@dataclass(frozen=True)
class Run:
    """A run directory with its study opened."""

    folder: Path
    settings: Settings
    study: optuna.Study
    storage: SearchStorage
    study_file: tuple[Path, tuple[int, int] | None] | None = None
    """For an SQLite study: the path of its file, and device and inode of the file when it was opened."""

    def check_study(self) -> None:
        """Raise RunError if the file of the embedded study was deleted or replaced while it is open.

        SQLite would continue to write into a file that nobody can open any more.
        """
        if self.study_file is not None and _identity_of(self.study_file[0]) != self.study_file[1]:
            raise RunError(
                f"{self.study_file[0]} was deleted or replaced while the search used it; put it back and give the "
                "same command again, or choose another --run."
            )

    @property
    def artifacts(self) -> FileSystemArtifactStore:
        """The store of the pictures and files of trials."""
        path = self.folder / "artifacts"
        path.mkdir(parents=True, exist_ok=True)
        return FileSystemArtifactStore(path)

    def candidate_folder(self, trial: int) -> Path:
        """The model directory of a candidate that this trial, the last of its network, trained briefly."""
        return self.folder / "candidates" / str(trial)

    def checkpoint(self, architecture: Architecture) -> Path:
        """The checkpoint of a candidate in training. It is named by the architecture, not by the trial."""
        return self.folder / "checkpoints" / f"{architecture.fingerprint}.safetensors"

    def candidates(self) -> list[Candidate]:
        """The trained candidates."""
        return candidates(self.study, self.settings)

    def measured(self) -> list[MeasuredNetwork]:
        """The networks that were measured on at least one rung."""
        return history(self.study.get_trials(deepcopy=False))

    def snapshot(self) -> Snapshot:
        """Read the study once. All outputs of a command are made from one snapshot."""
        return Snapshot.of(self.folder, self.settings, self.study)

    @property
    def rungs(self) -> Rungs:
        """The rungs of the run."""
        return Rungs.of(self.settings, load_known_rises(self.settings, self.folder))

    def architecture(self, trial: int) -> Architecture:
        """Return the architecture of a trial. Raises InputError for a trial that does not exist."""
        trials = self.study.get_trials(deepcopy=False)
        if not 0 <= trial < len(trials):
            there = (
                f"trials 0 to {len(trials) - 1}, not {trial}" if trials else f"no trial yet, so none is number {trial}"
            )
            raise InputError(f"The run '{self.settings.run}' has {there}.")
        return architecture_of(trials[trial], self.settings)

    def reference_point(self) -> dict[str, float]:
        """Return the reference point of the hypervolume."""
        return reference_point(self.candidates(), self.settings.objectives, self.bicubic, self.settings.budgets)

    @property
    def bicubic(self) -> tuple[float, float]:
        """PSNR and SSIM of bicubic interpolation by the run's protocol."""
        psnr, ssim = self.study.user_attrs["bicubic"]
        return psnr, ssim

    @property
    def protocol(self) -> Protocol:
        """How the candidates were measured."""
        return Protocol.from_dict(self.study.user_attrs["protocol"])


@quiet_optuna()
def open_run(name: str, storage: str | None = None, results: Path = RESULTS) -> Run:
    """Open a run by its name or by the path of its directory. Raises InputError."""
    folder = Path(name) if (Path(name) / "search.yaml").is_file() else results / name
    settings = run_settings(folder, storage)
    database = open_storage(url_of(folder, settings, storage))
    study = load_study(database, settings.study)
    return make_run(folder, identified(settings, study), study, database)


def url_of(folder: Path, settings: Settings, storage: str | None = None) -> str:
    """Return the URL of a run's study. Raises InputError if the embedded study is missing."""
    if url := storage or settings.storage:
        return url
    if not study_file_in(folder).is_file():
        raise InputError(
            f"The study of the run '{settings.run}' is missing: there is no {study_file_in(folder)}; put it back, or "
            "choose another --run."
        )
    return embedded_url(folder)


def make_run(folder: Path, settings: Settings, study: optuna.Study, storage: SearchStorage) -> Run:
    """Return the run of an opened study."""
    file = storage.engine.url.database if storage.engine.dialect.name == "sqlite" else None
    path = Path(file) if file else None
    return Run(folder, settings, study, storage, (path, _identity_of(path)) if path else None)


def _identity_of(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def open_run_data(run: Run, folder: str | None = None) -> Dataset:
    """Open the run's images, from `folder` if given. Raises InputError if they are other images."""
    settings = run.settings
    source = folder or images_of(settings, run.folder)
    data = open_for(
        settings.recipe,
        source,
        scale=settings.scale,
        device=pick_device(),
        results=run.folder.parent,
        skip_bad=settings.skip_bad,
    )
    check_data(settings, data, source)
    _check_denoiser(settings, run.protocol, data)
    return data


def record_baseline(study: optuna.Study, settings: Settings, data: Dataset) -> None:
    """Store the protocol and the figures of bicubic interpolation in the study, the baseline of all candidates.

    Raises InputError if the study is for images of another denoiser.
    """
    if "bicubic" in study.user_attrs:
        _check_denoiser(settings, Protocol.from_dict(study.user_attrs["protocol"]), data)
    else:
        crop = settings.recipe.validation_crop
        baseline = bicubic_baseline(data.validation, crop)
        study.set_user_attr("protocol", Protocol.of(data.validation, crop).to_dict())
        study.set_user_attr("bicubic", [baseline.psnr, baseline.ssim])


def _check_denoiser(settings: Settings, protocol: Protocol, data: Dataset) -> None:
    if data.validation.denoiser != protocol.denoiser:
        raise InputError(
            f"The denoiser {settings.recipe.denoiser} has other weights than when the run '{settings.run}' began; "
            "choose another --run name."
        )
