"""The settings of a search, as data in the run directory and in the study."""

import hashlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)

from nas.budget import Budget, tightest
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.fields import Seed, Truth, Whole, in_words
from nas.files import write_atomic
from nas.objectives import OBJECTIVES, Objective, checked
from nas.plugins.given import need_plugins
from nas.search.interest import Interest
from nas.search.names import RUN_NAME, is_taken
from nas.search.option import NO_PRIOR, REDUCTION
from nas.training.recipe import Recipe
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.documents import DocumentError, read_yaml, to_yaml
from search_spaces.narrowed import Allowed, narrowed
from search_spaces.plugins import Plugin

SETTINGS = "search.yaml"

EXTENDABLE = {"trials", "is_planned", "stop_when_flat", "data", "storage", "run", "run_id", "place", "prior"}
"""Settings that may change when a run continues.

A fingerprint guards the data, and `nas.search.run_id` the study.
"""


_Count = Annotated[Whole, Field(gt=0)]


def _parsed(budget: Any) -> Any:
    return Budget.parse(budget) if isinstance(budget, str) else budget


def _named_objective(objective: Any) -> Any:
    return OBJECTIVES.get(objective) if isinstance(objective, str) else objective


_Budget = Annotated[Budget, BeforeValidator(_parsed), PlainSerializer(str)]
_Objective = Annotated[Objective, BeforeValidator(_named_objective), PlainSerializer(lambda objective: objective.name)]


class _Head(BaseModel):
    """The settings that are read first: the others may need the plugins."""

    study: str = ""
    plugins: tuple[Plugin, ...] = ()


class Settings(BaseModel):
    """All settings of a search. Workers on other machines read them from the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    """The name of the run: that of its folder. It is not written to a file, since the folder may be renamed."""
    study: str = Field(pattern=RUN_NAME)
    """The name of the study in its storage: the name of the run when it began."""
    run_id: str = Field("", pattern="^[0-9a-f]*$")
    """Drawn when the study was made. The folder and the study of a run have the same id."""
    place: str = ""
    """The folder that `search.yaml` was written for, by which a copy is recognised; empty in the study."""
    space: str
    allow: dict[str, tuple[Choice, ...]]
    """The allowed values of narrowed choices; the other choices of the space have all their values."""
    scale: Whole
    channels: Whole
    budgets: Annotated[tuple[_Budget, ...], AfterValidator(tightest)]
    """The highest costs of a network; of two budgets with the same unit, the tighter."""
    range_from: tuple[_Budget, ...] = ()
    """The lower ends of the range of interest, one for each budget."""
    range_to: tuple[_Budget, ...] = ()
    """The upper ends of the range, where the time does not suffice for the budgets; empty: the budgets."""
    objectives: Annotated[tuple[_Objective, ...], AfterValidator(checked)]
    """The objectives, in the order of a trial's values."""
    hr_size: tuple[_Count, _Count]
    """Width and height of the HR image that costs are counted for."""
    data: str | None
    """The folder as given; None: the embedded synthetic set."""
    data_fingerprint: str
    recipe: Recipe
    """The brief training of a candidate."""
    rungs: tuple[_Count, ...]
    """Steps after which a candidate is compared with the others, increasing; the last is the whole training."""
    reduction: _Count = REDUCTION
    """One of this many candidates on a rung continues to the next; 1: all."""
    sampler: str
    screens: tuple[str, ...] = ()
    """The screens in their order, as name and pool size: `zico:100`."""
    prior: str = NO_PRIOR
    """What the surrogate knows at the start: `shipped`, `none`, or the path of a table, seen from the run's folder."""
    trials: _Count
    """Number of candidates to try, over all workers."""
    is_planned: Truth = False
    """Whether `trials` was planned for a time; while the search has a time, the time decides instead."""
    stop_when_flat: _Count | None = None
    """The search ends after this many candidates in a row without growth of the hypervolume; None: never."""
    fixed: dict[str, Choice]
    """Choices that the sampler does not vary."""
    seed: Seed
    threads: _Count
    """CPU threads of a worker. All workers of a run use the same number, since it changes the rounding."""
    latency_command: str | None = None
    """The command that measures an ONNX file on the user's device; None: ONNX Runtime on the CPU."""
    latency_threads: _Count = 1
    """CPU threads that a latency is for; not used with `latency_command`."""
    latency_runtime: str | None = None
    """The name of the runtime that latencies are measured on, the same for all workers; None without latencies."""
    skip_bad: Truth = False
    plugins: tuple[Plugin, ...] = ()
    """The user's own code, recognised by its content; the paths are those of the machine where the run began."""
    space_fingerprint: str
    storage: str | None = None
    """SQLAlchemy URL without its password; None: the embedded `study.db`."""

    @model_validator(mode="before")
    @classmethod
    def _name(cls, data: Any) -> Any:
        """Fill in the name of the run from the study, or the other way round."""
        if isinstance(data, dict) and (name := data.get("run") or data.get("study")):
            return {"run": name, "study": name} | data
        return data

    @model_validator(mode="after")
    def _check_rungs(self) -> "Settings":
        if list(self.rungs) != sorted(set(self.rungs)) or self.rungs[-1:] != (self.recipe.steps,):
            raise ValueError(
                f"the rungs must increase and end with the {self.recipe.steps} steps of the recipe, not be "
                f"{', '.join(map(str, self.rungs))}"
            )
        return self

    @field_validator("study")
    @classmethod
    def _check_name(cls, study: str) -> str:
        if is_taken(study):
            raise ValueError(f"a run can't have the name '{study}'")
        return study

    @property
    def searched(self) -> SearchSpace:
        """The space that candidates are drawn from, narrowed by `allow`.

        Raises SpaceError or UnknownNameError if the space of this machine differs.
        """
        return narrowed(self.space, self.allow)

    @property
    def interest(self) -> Interest:
        """The range of costs that the search looks at and is judged by."""
        return Interest(self.range_from, self.limits)

    @property
    def limits(self) -> tuple[Budget, ...]:
        """The upper ends of the range of interest: no more expensive network is looked for."""
        return self.range_to or self.budgets

    def architecture(self, choices: Choices) -> Architecture:
        """Return the architecture with these choices."""
        return Architecture(self.space, self.scale, self.channels, dict(choices))

    @property
    def space_in_words(self) -> str:
        """The name of the space, with `as narrowed` for a narrowed space."""
        return f"'{self.space}'{' as narrowed' if self.allow else ''}"

    def to_yaml(self) -> str:
        """Return the settings as a YAML document."""
        return to_yaml(self.model_dump(mode="json", exclude={"run"}))

    def write(self, folder: Path) -> "Settings":
        """Write `search.yaml` into a run directory, and return the settings as written, with the folder as `place`.

        Only the owner can read the file, since it holds the URL of the study.
        """
        settings = self.model_copy(update={"place": str(folder.resolve())})
        write_atomic(folder / SETTINGS, settings.to_yaml(), private=True)
        return settings

    def check_continues(self, earlier: "Settings") -> None:
        """Raise InputError naming the differences if a run with the settings `earlier` can't continue with these."""
        mine, theirs = _flat(self), _flat(earlier)
        differing = [n for n in mine | theirs if mine.get(n) != theirs.get(n) and n not in EXTENDABLE]
        if differing == ["space_fingerprint"]:
            raise InputError(
                f"The space '{self.space}' has other choices than when the run '{self.run}' began, so the run can't "
                "continue; choose another --run name. Its front can still be shown, trained and exported."
            )
        if "data_fingerprint" in differing and set(differing) <= {"data_fingerprint", "recipe.normalisation"}:
            raise _other_images(earlier, self.data, self.data_fingerprint)
        if differing:
            changes = "; ".join(f"{name} is {theirs.get(name)!r}, not {mine.get(name)!r}" for name in differing[:4])
            raise InputError(f"The run '{self.run}' has other settings ({changes}); choose another --run name.")


def read_settings(folder: Path) -> Settings:
    """Read the `search.yaml` of a run directory. The run has the present name of the folder. Raises InputError."""
    path = folder / SETTINGS
    if not path.is_file():
        raise InputError(f"There is no run '{folder.name}' in {folder.parent}.")
    try:
        settings = parse_settings(read_yaml(path), str(path), folder.resolve().name)
    except DocumentError as error:
        raise InputError(str(error)) from None
    return settings.model_copy(update={"run": folder.resolve().name})


def parse_settings(data: Any, origin: str = SETTINGS, run: str | None = None) -> Settings:
    """Return the settings in `data`, for messages those of the run `run`.

    The plugins in `data` run first, since they may define budgets and objectives. Raises PluginError, and InputError
    naming `origin` and the first wrong field.
    """
    try:
        head = _Head.model_validate(data)
        need_plugins(head.plugins, run or head.study)
        return Settings.model_validate(data)
    except ValidationError as error:
        raise InputError(in_words(error, origin)) from None


def space_fingerprint(space: str, allow: Allowed = MappingProxyType({})) -> str:
    """Return a hash of the names and values of the choices of a space, as narrowed. A study needs the same choices."""
    content = [(name, list(values)) for name, values in narrowed(space, allow).parameters().items()]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def check_data(settings: Settings, data: Dataset, folder: str | None = None, advice: str = "") -> None:
    """Raise InputError unless `data`, the images in `folder`, are those that the run was started on."""
    if data.fingerprint != settings.data_fingerprint:
        raise _other_images(settings, folder or settings.data, data.fingerprint, advice)


def _other_images(settings: Settings, folder: str | None, fingerprint: str, advice: str = "") -> InputError:
    return InputError(
        f"The images in {folder or 'the synthetic set'} are not those of the run '{settings.run}' "
        f"(fingerprint {fingerprint}, not {settings.data_fingerprint}){advice}."
    )


def _flat(settings: Settings) -> dict[str, Any]:
    data = settings.model_dump(mode="json")
    recipe = {f"recipe.{name}": value for name, value in data.pop("recipe").items()}
    allow = {f"allow.{name}": values for name, values in data.pop("allow").items()}
    plugins = {"plugins": [plugin.pop("sha256") for plugin in data["plugins"]]}
    return data | recipe | allow | plugins
