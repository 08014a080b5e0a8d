"""A run: its directory, its settings and its study."""

from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import RDBStorage

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.metrics import Protocol, bicubic_baseline
from nas.model import RESULTS as RESULTS
from nas.plugins import need_plugins
from nas.search.front import Candidate, reference_point
from nas.search.history import Known, history
from nas.search.images import open_for, remembered
from nas.search.ladder import Ladder
from nas.search.run_id import identified
from nas.search.settings import Settings, check_data, read_settings
from nas.search.study import architecture_of, candidates, load_study, open_storage
from nas.search.urls import embedded_url
from nas.training.trainer import pick_device
from search_spaces import Architecture


@dataclass(frozen=True)
class Run:
    """A run directory with its study opened."""

    folder: Path
    settings: Settings
    study: optuna.Study
    storage: RDBStorage

    @property
    def artifacts(self) -> FileSystemArtifactStore:
        """The store of the pictures and files of the trials."""
        path = self.folder / "artifacts"
        path.mkdir(parents=True, exist_ok=True)
        return FileSystemArtifactStore(path)

    def candidate_folder(self, trial: int) -> Path:
        """The model directory of a briefly trained candidate."""
        return self.folder / "candidates" / str(trial)

    def checkpoint(self, architecture: Architecture) -> Path:
        """The checkpoint of a candidate that is being trained, named by what it is, whichever trial it belongs to."""
        return self.folder / "checkpoints" / f"{architecture.fingerprint}.safetensors"

    def candidates(self) -> list[Candidate]:
        """The trained candidates."""
        return candidates(self.study, self.settings)

    def known(self) -> list[Known]:
        """The networks that were measured, on whichever rung."""
        return history(self.study.get_trials(deepcopy=False))

    @property
    def ladder(self) -> Ladder:
        """How far candidates are trained."""
        return Ladder.of(self.settings)

    def architecture(self, trial: int) -> Architecture:
        """The architecture of a trial. Raises InputError for a trial that isn't there."""
        trials = self.study.get_trials(deepcopy=False)
        if not 0 <= trial < len(trials):
            raise InputError(f"The run '{self.settings.run}' has trials 0 to {len(trials) - 1}, not {trial}.")
        return architecture_of(trials[trial], self.settings)

    def reference(self) -> dict[str, float]:
        """The worst network that counts: from it the hypervolume is measured."""
        return reference_point(self.candidates(), self.settings.aims, self.bicubic, self.settings.limits)

    @property
    def bicubic(self) -> tuple[float, float]:
        """PSNR and SSIM of bicubic interpolation by the run's protocol."""
        psnr, ssim = self.study.user_attrs["bicubic"]
        return psnr, ssim

    @property
    def protocol(self) -> Protocol:
        """How the candidates were measured."""
        return Protocol.from_dict(self.study.user_attrs["protocol"])


def open_run(name: str, storage: str | None = None, results: Path = RESULTS) -> Run:
    """Open a run by its name or by the path of its directory. Raises InputError."""
    folder = Path(name) if (Path(name) / "search.yaml").is_file() else results / name
    settings = read_settings(folder)
    need_plugins(settings.plugins, settings.run)
    database = open_storage(storage or settings.storage or embedded_url(folder))
    study = load_study(database, settings.study)
    return Run(folder, identified(settings, study), study, database)


def open_run_data(run: Run, folder: str | None = None) -> Dataset:
    """Open the run's images, from `folder` where they lie elsewhere here. Raises InputError if they are others."""
    settings = run.settings
    data = open_for(
        settings.recipe,
        folder or remembered(settings.data, settings.run),
        scale=settings.scale,
        device=pick_device(),
        results=run.folder.parent,
        skip_bad=settings.skip_bad,
    )
    check_data(settings, data)
    _check_denoiser(settings, run.protocol, data)
    return data


def record_baseline(study: optuna.Study, settings: Settings, data: Dataset) -> None:
    """Keep the protocol and bicubic's figures in the study: what every candidate is compared with.

    Raises InputError where the study is of images that another denoiser made.
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
