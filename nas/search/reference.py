"""The one way to name an architecture on the command line."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from nas.errors import InputError
from nas.model import ARCHITECTURE, RESULTS, TRAINED, is_model, load_model
from nas.search.run import open_run
from search_spaces import SPACES, Architecture, Published


@dataclass(frozen=True)
class Reference:
    """An architecture with the name it was given by."""

    label: str
    architecture: Architecture
    published: Published | None = None

    @property
    def folder_name(self) -> str:
        """What a folder for it is called: `falsr-FALSR-B`, `first-7`, or the name of the folder that it came from."""
        path = Path(self.label)
        if path.exists():
            return (path.parent if path.is_file() else path).resolve().name
        return self.label.replace("/", "-").replace(":", "-")


def resolve(name: str, scale: int | None = None, results: Path = RESULTS) -> Reference:
    """Return what `name` names: a path of a model directory or of an `architecture.yaml`, `RUN:TRIAL` or `SPACE/POINT`.

    `scale` is that of a published point, which exists at every scale of its space; without it, it is the scale that its
    figures are for. Raises InputError, SpaceError or UnknownNameError.
    """
    path = Path(name)
    if path.is_file():
        return Reference(name, Architecture.read(path))
    if is_model(path):
        return Reference(name, load_model(path).architecture)
    run, separator, trial = name.rpartition(":")
    if separator:
        if not trial.isdigit():
            raise InputError(f"'{name}' names no trial; write RUN:TRIAL with the number of the trial, e.g. first:7.")
        return Reference(name, open_run(run, results=results).architecture(int(trial)))
    space, separator, point = name.partition("/")
    if not separator or path.suffix in (".yaml", ".yml"):
        raise InputError(f"There is no architecture '{name}'; give SPACE/POINT, RUN:TRIAL or the path of one.")
    architecture = Architecture.published(name)
    published = SPACES.get(space).published[point]
    scale = published.scale if scale is None else scale
    return Reference(name, replace(architecture, scale=scale), published)


def locate(name: str, results: Path = RESULTS) -> Path:
    """Return where the network is that `name` names: a path, or `SPACE/POINT` or `RUN:TRIAL` once it is trained.

    These are what `nas train` made of them: model directories in `results/trained` or in the run's own `trained`; of a
    trial that isn't among them it is what the search trained briefly, with a warning.
    Raises InputError for one that isn't trained, and as `resolve` does for one that isn't known.
    """
    path = Path(name)
    space, separator, _ = name.partition("/")
    is_point = bool(separator) and space in SPACES.names() and name.count("/") == 1
    if path.exists() or not (is_point or ":" in name):
        return path
    reference = resolve(name, results=results)
    folder = results / TRAINED / reference.folder_name
    if is_model(folder):
        return folder
    of_the_run = [] if is_point else sorted((results / name.rpartition(":")[0] / TRAINED).glob("*/architecture.yaml"))
    for file in of_the_run:
        if Architecture.read(file).fingerprint == reference.architecture.fingerprint:
            return file.parent
    if not is_point and (briefly := _candidate(name, reference.architecture, results)):
        warnings.warn(
            f"{name} was trained briefly, by the search alone; nas train {name} trains it fully", stacklevel=2
        )
        return briefly
    raise InputError(f"{name} isn't trained: there is no {folder}; run nas train {name} first.")


def _candidate(name: str, architecture: Architecture, results: Path) -> Path | None:
    """Return the model directory of a trial `RUN:TRIAL`, or of the latest that trained the same network further."""
    run, _, trial = name.rpartition(":")
    own = open_run(run, results=results).candidate_folder(int(trial))
    folders = [path for path in own.parent.glob("*") if path.name.isdigit() and is_model(path)]
    for folder in sorted(folders, key=lambda path: (path == own, int(path.name)), reverse=True):
        if Architecture.read(folder / ARCHITECTURE).fingerprint == architecture.fingerprint:
            return folder
    return None
