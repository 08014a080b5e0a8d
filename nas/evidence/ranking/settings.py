"""The settings of `nas proxies rank`, as data in the folder of the ranking."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nas.budget import Budget, tightest
from nas.cost import HR_SIZE
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.fields import Seed, Whole, in_words
from nas.files import write_atomic
from nas.search.images import open_for, remembered
from nas.search.names import RUN_NAME, as_name, check_name
from nas.search.option import DEFAULT_SCALE, DEFAULT_SPACE
from nas.search.run import RESULTS
from nas.search.samplers.problem import Problem
from nas.search.settings import space_fingerprint
from nas.training.plateau import check_no_plateau
from nas.training.recipe import Recipe, load_recipe
from search_spaces import Choice, SearchSpace
from search_spaces.documents import DocumentError, read_yaml, to_yaml
from search_spaces.narrowed import NarrowedSpace, narrowed, read_space

FOLDER = "ranks"
SETTINGS = "rank.yaml"
DEFAULT_BUDGET = "30G-MACs"
DEFAULT_SAMPLE = 40
DEFAULT_STEPS = {"cpu": 2000, "cuda": 20_000}
"""Default steps of the reference training: more than the brief recipe has, few enough to train a whole sample."""

_Count = Annotated[Whole, Field(gt=0)]

_EXTENDABLE = {"sample", "data", "run"}


@dataclass(frozen=True)
class RankRequest:
    """The options that the user gave. None: as before in a ranking that continues, and the default in a new ranking."""

    run: str | None = None
    data: str | None = None
    space: str | None = None
    scale: int | None = None
    budgets: tuple[str, ...] | None = None
    sample: int | None = None
    recipe: str | None = None
    reference: str | None = None
    steps: int | None = None


class RankSettings(BaseModel):
    """All settings of a ranking."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str = Field(pattern=RUN_NAME)
    space: str
    allow: dict[str, tuple[Choice, ...]] = {}
    scale: Whole
    channels: Whole = 1
    budgets: tuple[str, ...]
    sample: _Count
    data: str | None
    """The folder as given; None: the embedded synthetic set."""
    data_fingerprint: str
    space_fingerprint: str
    recipe: Recipe
    """The recipe of the proxies that train. The other proxies see patches of the same recipe."""
    reference: Recipe
    """The recipe of the reference training."""
    seed: Seed = 0
    """Seed of the sample."""

    @field_validator("budgets")
    @classmethod
    def _check_budgets(cls, budgets: tuple[str, ...]) -> tuple[str, ...]:
        for text in budgets:
            Budget.parse(text)
        return budgets

    @property
    def searched(self) -> SearchSpace:
        """The space of the networks, narrowed by `allow`."""
        return narrowed(self.space, self.allow)

    @property
    def limits(self) -> tuple[Budget, ...]:
        """The parsed budgets; of two budgets with the same unit, the tighter."""
        return tightest(Budget.parse(text) for text in self.budgets)

    @property
    def drawn(self) -> Problem:
        """The problem of the draws: networks within the budgets, with the pinned choices of the space fixed."""
        space = self.searched
        return Problem(space, self.scale, self.channels, HR_SIZE, self.limits, fixed=space.pinned)

    @property
    def space_in_words(self) -> str:
        """The name of the space, with `as narrowed` for a narrowed space."""
        return f"'{self.space}'{' as narrowed' if self.allow else ''}"

    def write(self, folder: Path) -> None:
        """Write `rank.yaml` into the folder of the ranking."""
        write_atomic(folder / SETTINGS, to_yaml(self.model_dump(mode="json")))

    def check_continues(self, earlier: "RankSettings") -> None:
        """Raise InputError naming the difference if a ranking with the settings `earlier` can't continue with these."""
        mine, theirs = self.model_dump(mode="json"), earlier.model_dump(mode="json")
        if differing := [name for name in mine if mine[name] != theirs[name] and name not in _EXTENDABLE]:
            raise InputError(f"The ranking '{self.run}' has another {differing[0]}; choose another --run name.")


def open_settings(
    request: RankRequest, device: torch.device, results: Path = RESULTS
) -> tuple[RankSettings, Dataset, Path]:
    """Return the settings, the images and the folder of a new ranking, or of one that continues.

    Raises InputError, SpaceError or UnknownNameError.
    """
    name = request.run or _default_name(request)
    check_name(name, "ranking")
    folder = results / FOLDER / name
    earlier = read_rank_settings(folder / SETTINGS) if (folder / SETTINGS).is_file() else None
    wanted = _wanted(request, earlier, device)
    recipe, reference = wanted["recipe"], wanted["reference"]
    if recipe.input_in_words != reference.input_in_words:
        raise InputError(
            f"The recipe '{recipe.name}' is for images made by {recipe.input_in_words}, but '{reference.name}' for "
            f"{reference.input_in_words}; a ranking needs the same images for both."
        )
    data = open_for(
        reference,
        request.data or remembered(wanted["data"], name),
        scale=wanted["scale"],
        device=device,
        results=results,
        least_patch=recipe.largest_patch,
    )
    wanted |= {"recipe": recipe.seeing(data.normalisation), "reference": reference.seeing(data.normalisation)}
    wanted |= {"run": name, "data_fingerprint": data.fingerprint}
    wanted["space_fingerprint"] = space_fingerprint(wanted["space"], wanted["allow"])
    settings = RankSettings.model_validate(wanted)
    if earlier:
        settings.check_continues(earlier)
    return settings, data, folder


def _default_name(request: RankRequest) -> str:
    """Return the name of a ranking from its space, scale, budgets and images, so that the same command continues it."""
    images = Path(request.data).resolve().name if request.data else "synthetic"
    limits = "-".join(str(Budget.parse(text)) for text in request.budgets or (DEFAULT_BUDGET,))
    return as_name(f"{Path(request.space or DEFAULT_SPACE).stem}-x{request.scale or DEFAULT_SCALE}-{limits}-{images}")


def _wanted(request: RankRequest, earlier: RankSettings | None, device: torch.device) -> dict[str, Any]:
    space = earlier.searched if earlier and not request.space else read_space(request.space or DEFAULT_SPACE)
    defaults: dict[str, Any] = (
        {name: getattr(earlier, name) for name in RankSettings.model_fields}
        if earlier
        else {"scale": DEFAULT_SCALE, "budgets": (DEFAULT_BUDGET,), "sample": DEFAULT_SAMPLE, "data": None}
    )
    given = {name: getattr(request, name) for name in ("data", "scale", "sample")}
    wanted = defaults | {name: value for name, value in given.items() if value is not None}
    wanted |= {"space": space.name, "allow": space.allow if isinstance(space, NarrowedSpace) else {}}
    if request.budgets:
        wanted["budgets"] = tuple(str(Budget.parse(text)) for text in request.budgets)
    if request.recipe or not earlier:
        wanted["recipe"] = load_recipe(request.recipe or "brief", device)
    if request.reference or not earlier:
        short = {} if request.reference else {"steps": DEFAULT_STEPS.get(device.type, DEFAULT_STEPS["cuda"])}
        wanted["reference"] = load_recipe(request.reference or "full", device, **short)
    if request.steps:
        wanted["reference"] = wanted["reference"].model_copy(update={"steps": request.steps})
    for name in ("recipe", "reference"):
        if name in wanted:
            check_no_plateau(wanted[name], "A ranking of proxies")
    return wanted


def read_rank_settings(path: Path) -> RankSettings:
    """Read the `rank.yaml` of a ranking. Raises InputError."""
    try:
        return RankSettings.model_validate(read_yaml(path))
    except DocumentError as error:
        raise InputError(str(error)) from None
    except ValidationError as error:
        raise InputError(in_words(error, str(path))) from None
