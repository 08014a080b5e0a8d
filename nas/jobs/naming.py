"""Architecture names, as the command line takes them."""

import shlex
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from nas.errors import InputError
from nas.model import ARCHITECTURE, RESULTS, TRAINED, is_model, load_model
from nas.search.run import open_run
from search_spaces import SPACES, Architecture, Published, SpaceError


@dataclass(frozen=True)
class NamedArchitecture:
    """An architecture with its name."""

    label: str
    architecture: Architecture
    published: Published | None = None

    @property
    def folder_name(self) -> str:
        """The name of a folder for the architecture: `falsr-FALSR-B`, `first-7`, or the name of its file or folder.

        The `architecture.yaml` of a model directory gets the name of the directory.
        """
        path = Path(self.label)
        if path.is_dir():
            return path.resolve().name
        if path.is_file():
            return path.resolve().parent.name if path.name == ARCHITECTURE else path.stem
        return self.label.replace("/", "-").replace(":", "-")


def resolve(name: str, scale: int | None = None, results: Path = RESULTS) -> NamedArchitecture:
    """Return the architecture with this name.

    Args:
        name: `SPACE/POINT`, `RUN:TRIAL`, or the path of a model directory or an `architecture.yaml`.
        scale: Scale of a published point, which exists at every scale of its space. Default: the scale of the
            published figures.
        results: The folder with the runs.

    Raises:
        InputError, SpaceError or UnknownNameError: There is no such architecture.
    """
    path = Path(name)
    if path.is_file():
        return NamedArchitecture(name, Architecture.read(path))
    if is_model(path):
        return NamedArchitecture(name, load_model(path).architecture)
    run, separator, trial = name.rpartition(":")
    if separator:
        if not trial.isdigit():
            raise InputError(f"'{name}' is not a trial; write RUN:TRIAL with the number of the trial, e.g. first:7.")
        return NamedArchitecture(name, open_run(run, results=results).architecture(int(trial)))
    space, separator, point = name.partition("/")
    if not separator or path.suffix in (".yaml", ".yml"):
        raise InputError(f"There is no architecture '{name}'; give SPACE/POINT, RUN:TRIAL or a path.")
    architecture = Architecture.published(name)
    published = SPACES.get(space).published[point]
    scale = published.scale if scale is None else scale
    return NamedArchitecture(name, replace(architecture, scale=scale), published)


def locate(name: str, scale: int | None = None, results: Path = RESULTS) -> Path:
    """Return the path of the trained network with this name: a path, or `SPACE/POINT` or `RUN:TRIAL` once trained.

    The path is a model directory that `nas train` made, in `results/trained` or in `trained` of the run. If a point was
    trained several times, the first training of this `scale` counts. If a trial was not trained fully, the path is the
    model of the search, with a warning.

    Raises InputError if the network is not trained, and as `resolve` does for an unknown name.
    """
    path = Path(name)
    space, separator, _ = name.partition("/")
    is_point = bool(separator) and space in SPACES.names() and name.count("/") == 1
    if path.exists() or not (is_point or ":" in name):
        return path
    named = resolve(name, results=results)
    folder = results / TRAINED / named.folder_name
    for trained in (folder, *sorted(folder.parent.glob(f"{folder.name}-*"))):
        if is_model(trained) and scale in (None, _scale_of(trained)):
            return trained
    if not is_point and (of_the_run := _of_the_run(name, named.architecture, results)):
        return of_the_run
    missing = f"no {folder}" if scale is None else f"no {folder} of scale {scale}"
    raise InputError(f"{name} is not trained: there is {missing}; run nas train {shlex.quote(name)} first.")


def _of_the_run(name: str, architecture: Architecture, results: Path) -> Path | None:
    """Return the model directory of a trial in its run: fully trained, or else briefly trained, with a warning."""
    run, _, trial = name.rpartition(":")
    opened = open_run(run, results=results)
    own = opened.candidate_folder(int(trial))
    candidates = sorted((p for p in own.parent.glob("*") if p.name.isdigit()), key=lambda path: int(path.name))
    # A promoted network has several trials; the latest trained it furthest.
    for folder in (*sorted((opened.folder / TRAINED).glob("*")), own, *reversed(candidates)):
        file = folder / ARCHITECTURE
        if file.is_file() and Architecture.read(file).fingerprint == architecture.fingerprint:
            if folder.parent == own.parent:
                advice = f"nas train {shlex.quote(name)} trains it fully"
                warnings.warn(f"{name} was trained only briefly, by the search; {advice}", stacklevel=3)
            return folder
    return None


def _scale_of(model: Path) -> int | None:
    try:
        return Architecture.read(model / ARCHITECTURE).scale
    except SpaceError:
        return None
