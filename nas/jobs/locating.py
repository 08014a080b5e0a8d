"""The weights of a named network: fully trained if there are such weights, else those of the search."""

import shlex
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nas.errors import InputError
from nas.jobs.naming import NamedArchitecture, resolve
from nas.model import ARCHITECTURE, RESULTS, TRAINED, WEIGHTS, Model, is_model
from nas.search.run import Run
from nas.training.checkpoint import read_weights
from search_spaces import SPACES, Architecture, SpaceError

PAUSED = "paused"
"""The folder in a run for the weights of paused candidates that somebody has asked for."""


@dataclass(frozen=True)
class Located:
    """The model directory of a named network."""

    name: str
    """The name; of a network with several trials that of the first."""
    folder: Path
    is_brief: bool = False
    """Whether the weights are those of the brief training of a search."""
    told: str = ""
    """For `RUN:TRIAL`, which training the weights are of, in a sentence without a full stop; else empty."""


def find_weights(name: str, scale: int | None = None, results: Path = RESULTS) -> Located:
    """Return the trained network with this name: a path, or `SPACE/POINT` or `RUN:TRIAL` once trained.

    `SPACE/POINT` is a network that `nas train` made; of several, the first training of this `scale`. `RUN:TRIAL` is the
    fully trained network if there is one, else the model of the search.

    Raises InputError if the network is not trained, and as `resolve` does for an unknown name.
    """
    path = Path(name)
    space, separator, _ = name.partition("/")
    is_point = bool(separator) and space in SPACES.names() and name.count("/") == 1
    if path.exists() or not (is_point or ":" in name):
        return Located(name, path)
    named = resolve(name, results=results)
    if named.run:
        return _of_run(named, named.run, results)
    folder = results / TRAINED / named.folder_name
    for trained in (folder, *sorted(folder.parent.glob(f"{folder.name}-*"))):
        if is_model(trained) and scale in (None, _scale_of(trained)):
            return Located(name, trained)
    missing = f"no {folder}" if scale is None else f"no {folder} of scale {scale}"
    raise InputError(f"{name} is not trained: there is {missing}; run nas train {shlex.quote(name)} first.")


def locate(name: str, scale: int | None = None, results: Path = RESULTS) -> Path:
    """Return the path of `find_weights`, with a warning for weights of a brief training."""
    found = find_weights(name, scale, results)
    if found.is_brief:
        warnings.warn(found.told, stacklevel=3)
    return found.folder


def _of_run(named: NamedArchitecture, run: Run, results: Path) -> Located:
    name, command = named.label, f"nas train {shlex.quote(named.label)}"
    for folder in _fully_trained(named, run, results):
        if _holds(folder, named.architecture):
            return Located(name, folder, told=f"{name} is the fully trained network in {folder}")
    for trial in reversed(named.trials):  # the last trial trained it furthest
        if _holds(folder := run.candidate_folder(trial), named.architecture):
            told = f"{name} was trained only briefly, by the search; {command} trains it fully"
            return Located(name, folder, is_brief=True, told=told)
    if paused := _paused(named, run):
        steps, folder = paused
        whole = run.settings.recipe.steps
        told = f"{name} was trained for {steps} of {whole} steps, by the search; {command} trains it fully"
        return Located(name, folder, is_brief=True, told=told)
    steps = {network.fingerprint: network.steps for network in run.measured()}.get(named.architecture.fingerprint, 0)
    whole = run.settings.recipe.steps
    why = f"the search trained it for {steps} of {whole} steps" if steps < whole else "the search's were removed"
    raise InputError(f"{name} has no weights ({why}); run {command} first.")


def _paused(named: NamedArchitecture, run: Run) -> tuple[int, Path] | None:
    """Write the weights in the checkpoint of a candidate into a model directory; return its steps and the directory.

    None if the search keeps no checkpoint of the candidate.
    """
    if (read := read_weights(run.checkpoint(named.architecture))) is None:
        return None
    weights, progress = read
    network = named.architecture.build()
    network.load_state_dict(weights)
    measured = {network.fingerprint: network.rungs for network in run.measured()}.get(
        named.architecture.fingerprint, {}
    )
    figures = {**measured.get(progress.step, {}), "steps": progress.step, "protocol": run.protocol.to_dict()}
    folder = run.folder / PAUSED / str(named.trials[0])
    Model(named.architecture, network.eval(), run.settings.recipe.model_dump(mode="json"), figures).save(folder)
    return progress.step, folder


def _fully_trained(named: NamedArchitecture, run: Run, results: Path) -> Iterator[Path]:
    """Yield the folders where `nas train` may have put the network, by any of its names."""
    for folder_name in (named.folder_name, *named.earlier_folders):
        yield results / TRAINED / folder_name
        yield from sorted((results / TRAINED).glob(f"{folder_name}-*"))
    yield from sorted((run.folder / TRAINED).glob("*"))


def _holds(folder: Path, architecture: Architecture) -> bool:
    if not ((folder / ARCHITECTURE).is_file() and (folder / WEIGHTS).is_file()):
        return False
    try:
        return Architecture.read(folder / ARCHITECTURE).fingerprint == architecture.fingerprint
    except SpaceError:
        return False


def _scale_of(model: Path) -> int | None:
    try:
        return Architecture.read(model / ARCHITECTURE).scale
    except SpaceError:
        return None
