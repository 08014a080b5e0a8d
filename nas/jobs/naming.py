"""The one way to name an architecture on the command line."""

import shlex
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from nas.errors import InputError
from nas.model import ARCHITECTURE, RESULTS, TRAINED, is_model, load_model
from nas.search.run import open_run
from search_spaces import SPACES, Architecture, Published, SpaceError


@dataclass(frozen=True)
class Reference:
    """An architecture with the name it was given by."""

    label: str
    architecture: Architecture
    published: Published | None = None

    @property
    def folder_name(self) -> str:
        """What a folder for it is called: `falsr-FALSR-B`, `first-7`, or the name of the file or folder it came from.

        A file that is called as those of all model directories gives the name of its folder.
        """
        path = Path(self.label)
        if path.is_dir():
            return path.resolve().name
        if path.is_file():
            return path.resolve().parent.name if path.name == ARCHITECTURE else path.stem
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


def locate(name: str, scale: int | None = None, results: Path = RESULTS) -> Path:
    """Return where the network is that `name` names: a path, or `SPACE/POINT` or `RUN:TRIAL` once it is trained.

    These are what `nas train` made of them: model directories in `results/trained` or in the run's own `trained`. Of a
    point that was trained several times it is the first, of the `scale` where that is given; of a trial that isn't
    among them what the search trained briefly, with a warning.
    Raises InputError for one that isn't trained, and as `resolve` does for one that isn't known.
    """
    path = Path(name)
    space, separator, _ = name.partition("/")
    is_point = bool(separator) and space in SPACES.names() and name.count("/") == 1
    if path.exists() or not (is_point or ":" in name):
        return path
    reference = resolve(name, results=results)
    folder = results / TRAINED / reference.folder_name
    for trained in (folder, *sorted(folder.parent.glob(f"{folder.name}-*"))):
        if is_model(trained) and scale in (None, _scale_of(trained)):
            return trained
    if not is_point and (of_the_run := _of_the_run(name, reference.architecture, results)):
        return of_the_run
    missing = f"no {folder}" if scale is None else f"no {folder} of scale {scale}"
    raise InputError(f"{name} isn't trained: there is {missing}; run nas train {shlex.quote(name)} first.")


def _of_the_run(name: str, architecture: Architecture, results: Path) -> Path | None:
    """Return the model directory of the network of `RUN:TRIAL` in its run: fully trained, else briefly (warns)."""
    run, _, trial = name.rpartition(":")
    opened = open_run(run, results=results)
    own = opened.candidate_folder(int(trial))
    candidates = sorted((p for p in own.parent.glob("*") if p.name.isdigit()), key=lambda path: int(path.name))
    # A network that was promoted has several trials, of which the latest trained it furthest.
    for folder in (*sorted((opened.folder / TRAINED).glob("*")), own, *reversed(candidates)):
        file = folder / ARCHITECTURE
        if file.is_file() and Architecture.read(file).fingerprint == architecture.fingerprint:
            if folder.parent == own.parent:
                advice = f"nas train {shlex.quote(name)} trains it fully"
                warnings.warn(f"{name} was trained briefly, by the search alone; {advice}", stacklevel=3)
            return folder
    return None


def _scale_of(model: Path) -> int | None:
    try:
        return Architecture.read(model / ARCHITECTURE).scale
    except SpaceError:
        return None
