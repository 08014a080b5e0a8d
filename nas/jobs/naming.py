"""Architecture names, as the command line takes them."""

from dataclasses import dataclass, replace
from pathlib import Path

from nas.errors import InputError
from nas.model import ARCHITECTURE, RESULTS, is_model, load_model
from nas.search.run import Run, open_run
from nas.search.trial_names import first_trials, numbers_of, published_name
from search_spaces import SPACES, Architecture, Published


@dataclass(frozen=True)
class NamedArchitecture:
    """An architecture with its name."""

    label: str
    architecture: Architecture
    published: Published | None = None
    run: Run | None = None
    """The run of a trial."""
    trials: tuple[int, ...] = ()
    """The numbers of all trials of the network in its run; the first is its name."""

    @property
    def earlier_folders(self) -> tuple[str, ...]:
        """The names that its folder had when promoted networks still had a name for each trial: `first-57`."""
        run = self.label.rpartition(":")[0]
        return tuple(replace(self, label=f"{run}:{trial}").folder_name for trial in self.trials[1:])

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
        name: `SPACE/POINT`, `RUN:TRIAL` (of a network with several trials any; also `RUN:SPACE/POINT`, a published
            network of the run), or the path of a model directory or an `architecture.yaml`.
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
    if ":" in name:
        return _of_run(name, results)
    space, separator, point = name.partition("/")
    if not separator or path.suffix in (".yaml", ".yml"):
        raise InputError(f"There is no architecture '{name}'; give SPACE/POINT, RUN:TRIAL or a path.")
    architecture = Architecture.published(name)
    published = SPACES.get(space).published[point]
    scale = published.scale if scale is None else scale
    return NamedArchitecture(name, replace(architecture, scale=scale), published)


def _of_run(name: str, results: Path) -> NamedArchitecture:
    """Return the network `RUN:TRIAL`; the label has the number that is its name, the first of its trials."""
    run, _, text = name.rpartition(":")
    if not text.isdecimal() and "/" not in text:
        raise InputError(f"'{name}' is not a trial; write RUN:TRIAL with the number of the trial, e.g. first:7.")
    opened = open_run(run, results=results)
    trials = opened.study.get_trials(deepcopy=False)
    number = int(text) if text.isdecimal() else next((t.number for t in trials if published_name(t) == text), None)
    if number is None:
        raise InputError(f"The run '{opened.settings.run}' has no published network '{text}'.")
    architecture = opened.architecture(number)
    numbers = tuple(numbers_of(number, first_trials(trials)))
    return NamedArchitecture(f"{run}:{numbers[0]}", architecture, run=opened, trials=numbers)
