"""What a search was asked, as data that the run directory remembers."""

import hashlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, field_validator, model_validator

from nas.budget import Budget
from nas.cost import HR_SIZE
from nas.data.dataset import Dataset
from nas.data.normalisation import AUTO, TYPE
from nas.errors import InputError
from nas.files import write_atomic
from nas.objectives import DEFAULT_OBJECTIVES, Objective, parse_objectives, resolve
from nas.search.names import RUN_NAME, is_taken
from nas.training.recipe import Recipe
from search_spaces import Choice, SearchSpace
from search_spaces.narrowed import Allowed, narrowed

SETTINGS = "search.yaml"

EXTENDABLE = {"trials", "is_planned", "stop_when_flat", "data", "storage", "run", "run_id", "place"}
"""What may change when a run goes on: how many more, its name, and where study and data lie.

A fingerprint guards the data, and `nas.search.run_id` the study.
"""


class Settings(BaseModel):
    """Everything that decides a search. Workers on other machines read it from the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    """What the run is called: the name of its folder, which is not written down, since it may be renamed."""
    study: str = Field(pattern=RUN_NAME)
    """The name of the study in its storage: what the run was called when it began."""
    run_id: str = Field("", pattern="^[0-9a-f]*$")
    """Drawn when the study was made; folder and study of a run have the same."""
    place: str = ""
    """The folder that `search.yaml` was written for, which tells a copy; empty elsewhere."""
    space: str
    allow: dict[str, tuple[Choice, ...]] = {}
    """The values that its user left to choices of the space; the others may take all of theirs."""
    scale: int
    channels: int = 1
    budgets: tuple[str, ...]
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    """What is to be improved, in the order of a trial's values."""
    hr_size: tuple[PositiveInt, PositiveInt] = HR_SIZE
    """Width and height of the HR image that costs are counted for."""
    data: str | None
    """The folder as given; None is the embedded synthetic set."""
    data_fingerprint: str
    proxy: str
    recipe: Recipe
    sampler: str
    screens: tuple[str, ...] = ()
    """What chooses among the sampler's candidates, one after the other: `zico:100`, a proxy and of how many."""
    trials: int = Field(gt=0)
    """How many candidates are tried, over all workers."""
    is_planned: bool = False
    """Whether that was planned for a time: as long as there is a time, it decides instead."""
    stop_when_flat: PositiveInt | None = None
    """The search ends when so many candidates in a row have brought the hypervolume nothing."""
    fixed: dict[str, Choice]
    """Choices that the sampler does not vary."""
    seed: int
    threads: int = Field(gt=0)
    """CPU threads of a worker: another number rounds otherwise, so all workers of a run use the same."""
    latency_command: str | None = None
    """Measures an ONNX file on the user's device; None is ONNX Runtime on the CPU."""
    latency_threads: PositiveInt = 1
    """CPU threads that a latency is for, where no command tells it."""
    latency_runtime: str | None = None
    """What latencies are measured on, where they matter; a worker on another machine must measure on the same."""
    skip_bad: bool = False
    plugins: tuple[str, ...] = ()
    space_fingerprint: str
    storage: str | None = None
    """SQLAlchemy URL without its password; None is the embedded `study.db`."""

    @model_validator(mode="before")
    @classmethod
    def _name(cls, data: Any) -> Any:
        """A run is called as its study where nothing else is said, and the other way round."""
        if isinstance(data, dict) and (name := data.get("run") or data.get("study")):
            return {"run": name, "study": name} | data
        return data

    @field_validator("recipe")
    @classmethod
    def _resolve(cls, recipe: Recipe) -> Recipe:
        """A run that remembers no range is from before there was a choice."""
        return recipe.seeing(TYPE) if recipe.normalisation == AUTO else recipe

    @field_validator("study")
    @classmethod
    def _check_name(cls, study: str) -> str:
        if is_taken(study):
            raise ValueError(f"no run may be called '{study}'")
        return study

    @field_validator("objectives")
    @classmethod
    def _check(cls, objectives: tuple[str, ...]) -> tuple[str, ...]:
        return parse_objectives(objectives)

    @property
    def aims(self) -> tuple[Objective, ...]:
        """The objectives themselves."""
        return resolve(self.objectives)

    @property
    def limits(self) -> tuple[Budget, ...]:
        """The budgets, parsed."""
        return tuple(Budget.parse(text) for text in self.budgets)

    @property
    def searched(self) -> SearchSpace:
        """What candidates are drawn from: the space, narrowed where its user has narrowed it.

        Raises SpaceError or UnknownNameError where this machine's space is another.
        """
        return narrowed(self.space, self.allow)

    @property
    def space_in_words(self) -> str:
        """The space's name, and whether it is narrowed."""
        return f"'{self.space}'{' as narrowed' if self.allow else ''}"

    def to_yaml(self) -> str:
        """Return the settings as a YAML document."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude={"run"}), sort_keys=False)

    def write(self, folder: Path) -> None:
        """Write `search.yaml` into a run directory, atomically, for its owner alone: it says where the study lies."""
        settings = self.model_copy(update={"place": str(folder.resolve())})
        write_atomic(folder / SETTINGS, settings.to_yaml(), private=True)

    def check_continues(self, earlier: "Settings") -> None:
        """Raise InputError naming what differs, unless a run with the settings `earlier` can go on with these."""
        mine, theirs = _flat(self), _flat(earlier)
        differing = [name for name in mine | theirs if mine.get(name) != theirs.get(name)]
        if differing := [name for name in differing if name not in EXTENDABLE]:
            changes = "; ".join(f"{name} is {theirs.get(name)!r}, not {mine.get(name)!r}" for name in differing[:4])
            raise InputError(f"The run '{self.run}' exists with other settings ({changes}); choose another --run name.")


def read_settings(folder: Path) -> Settings:
    """Read the `search.yaml` of a run directory; the run is called as the folder is now. Raises InputError."""
    path = folder / SETTINGS
    if not path.is_file():
        raise InputError(f"There is no run '{folder.name}' in {folder.parent}.")
    try:
        settings = parse_settings(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not a YAML document: {str(error).splitlines()[0]}.") from None
    return settings.model_copy(update={"run": folder.resolve().name})


def parse_settings(data: Any) -> Settings:
    """Return the settings in plain data. Raises InputError naming the first field that is wrong."""
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{SETTINGS}: '{'.'.join(map(str, first['loc']))}': {first['msg']}.") from None


def space_fingerprint(space: str, allow: Allowed = MappingProxyType({})) -> str:
    """Hash the names and values of a space's choices, as narrowed: a study can't go on once they changed."""
    content = [(name, list(values)) for name, values in narrowed(space, allow).parameters().items()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def check_data(settings: Settings, data: Dataset) -> None:
    """Raise InputError unless `data` is what the run was started on."""
    if data.fingerprint != settings.data_fingerprint:
        raise InputError(
            f"The images in {settings.data or 'the synthetic set'} are not those of the run '{settings.run}' "
            f"(fingerprint {data.fingerprint}, not {settings.data_fingerprint})."
        )


def _flat(settings: Settings) -> dict[str, Any]:
    data = settings.model_dump(mode="json")
    recipe = {f"recipe.{name}": value for name, value in data.pop("recipe").items()}
    allow = {f"allow.{name}": values for name, values in data.pop("allow").items()}
    return data | recipe | allow
