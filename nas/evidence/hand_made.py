"""The hand-made networks that a search is judged by: every published network in its range, trained alike."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from nas.budget import refusal
from nas.cost import screening_cost
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.evidence.benchmark.build import Build
from nas.evidence.benchmark.journal import Journal
from nas.evidence.benchmark.training import make_header
from nas.gain import Gain, Network, gain
from nas.model import ARCHITECTURE, METRICS, RECIPE, TRAINED, is_model
from nas.objectives import first_cost
from nas.search.interest import Interest
from nas.search.run import Run
from nas.search.settings import Settings
from nas.table import Row
from nas.training.full import DATA
from nas.training.recipe import Recipe
from search_spaces import SPACES, Architecture, SearchSpace
from search_spaces.documents import read_json, read_yaml

WITH_SKIP = ", image skip"
"""What follows the name of a published network that got the image skip, which it does not have in its paper."""
FOLDER = "hand_made"
"""The folder beside the runs, with a folder for each recipe and each set of images. Runs of one recipe share them."""
BELOW = 4
"""Published networks count down to this fraction of the lower end of the range."""
COUNTED = ("macs", "params")
"""The costs over which a gain can be measured: those that a table holds."""


@dataclass(frozen=True)
class HandMade:
    """The published networks in the range of a run, by one recipe on the images of the run."""

    settings: Settings
    recipe: Recipe
    results: Path
    """The folder with the runs."""

    @classmethod
    def of(cls, run: Run) -> "HandMade":
        """Return the networks by the brief recipe of a run."""
        return cls(run.settings, run.settings.recipe, run.folder.parent)

    @classmethod
    def fully(cls, run: Run) -> "HandMade":
        """Return the networks by the recipe that most networks of a run were fully trained by.

        Raises InputError if none was.
        """
        groups = fully_trained(run.folder, run.settings)
        if not groups:
            name = run.settings.run
            raise InputError(f"No network of '{name}' is fully trained; train some first: nas train {name}.")
        largest = max(groups, key=lambda group: len(group.networks))
        return cls(run.settings, largest.recipe, run.folder.parent)

    @property
    def folder(self) -> Path:
        """The working folder of their table."""
        settings = self.settings
        told = [settings.data_fingerprint, settings.scale, settings.channels, list(settings.hr_size)]
        content = json.dumps([*told, self.recipe.model_dump(mode="json")], sort_keys=True)
        return self.results / FOLDER / hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def rows(self) -> list[Row]:
        """The published networks of all spaces near the range, as published and with the image skip.

        Networks a little below the range are good for its lower end. Counting them all takes seconds.
        """
        settings = self.settings
        near = Interest(tuple(replace(end, limit=end.limit / BELOW) for end in settings.range_from))
        found: dict[str, Row] = {}
        for space in SPACES:
            if settings.scale in space.scales and settings.channels in space.channels:
                for name, network in _variants(space, settings):
                    cost = screening_cost(network, settings.hr_size)
                    if refusal(settings.budgets, cost) is None and not near.is_below(cost):
                        row = Row(architecture=network.to_dict(), name=name, macs=cost.macs, params=cost.params)
                        found.setdefault(network.fingerprint, row)
        return list(found.values())

    @property
    def bicubic(self) -> float | None:
        """PSNR of bicubic interpolation by their protocol, in dB; None if none was begun."""
        header = Journal(self.folder).header()
        return None if header is None else header.bicubic[0]

    @property
    def trained(self) -> list[Row]:
        """Those of `rows` that are trained by now. Without any, nothing is counted."""
        return [row for row in self._tried() if row.trained]

    @property
    def is_complete(self) -> bool:
        """Whether all of `rows` were trained, or failed to train; False without any."""
        tried = self._tried()
        return bool(tried) and len(tried) == len(self.rows)

    def _tried(self) -> list[Row]:
        if Journal(self.folder).header() is None:
            return []
        wanted = {row.network.fingerprint for row in self.rows}
        return [row for row in Journal(self.folder).table().rows if row.trainings and row.network.fingerprint in wanted]

    def gain(self, found: Sequence[Mapping[str, float]]) -> Gain | None:
        """Return the gain of networks that were trained by `recipe`, given by their figures.

        None until all of `rows` were trained, since against some of them the gain would look larger than it is; also if
        `gain_of` knows none.
        """
        bicubic = self.bicubic
        if bicubic is None or not self.is_complete:
            return None
        return gain_of(found, self.trained, self.settings, bicubic)

    def check(self) -> None:
        """Raise InputError if no published network lies in the range."""
        if not self.rows:
            name = self.settings.run
            raise InputError(
                f"No published network lies in the range of '{name}', so there is nothing to compare it with."
            )

    def build(self, data: Dataset, device: torch.device) -> Build:
        """Return the work of training what is missing; see `nas.evidence.benchmark.build.work_on`."""
        journal, settings = Journal(self.folder), self.settings
        header = make_header(
            data, self.recipe, device, scale=settings.scale, hr_size=settings.hr_size, budgets=(), spaces={}
        )
        every = {row.network.fingerprint: row for row in [*journal.rows(), *self.rows]}
        journal.begin(header, {}, list(every.values()))
        wanted = tuple(self.rows)
        return Build(self.folder, wanted, data, self.recipe, seeds=1, repeated=len(wanted), asks_proxies=False)


def _variants(space: SearchSpace, settings: Settings) -> Iterator[tuple[str, Architecture]]:
    for name, point in space.published.items():
        for ending, choices in (("", point.choices), (WITH_SKIP, {**point.choices, **space.pinned})):
            network = Architecture(space.name, settings.scale, settings.channels, dict(choices))
            yield f"{space.name}/{name}{ending}", network


@dataclass(frozen=True)
class FullyTrained:
    """Networks of a run that were fully trained by one recipe."""

    recipe: Recipe
    networks: tuple[Mapping[str, float], ...]
    """The figures of each: psnr, macs, params."""


def fully_trained(folder: Path, settings: Settings) -> list[FullyTrained]:
    """Return the fully trained networks of the run in `folder`, those of each recipe together."""
    groups: dict[str, tuple[Recipe, list[Mapping[str, float]]]] = {}
    for place in sorted((folder / TRAINED).glob("*")):
        if not is_model(place):
            continue
        architecture = Architecture.read(place / ARCHITECTURE)
        recipe, metrics = read_yaml(place / RECIPE), read_json(place / METRICS)
        if metrics.get(DATA) != settings.data_fingerprint or architecture.scale != settings.scale:
            continue
        cost = screening_cost(architecture, settings.hr_size)
        key = json.dumps(recipe, sort_keys=True)
        group = groups.setdefault(key, (Recipe.model_validate(recipe), []))
        group[1].append({"psnr": metrics["psnr"], "macs": float(cost.macs), "params": float(cost.params)})
    return [FullyTrained(recipe, tuple(networks)) for recipe, networks in groups.values()]


def gain_of(
    found: Sequence[Mapping[str, float]], hand_made: Sequence[Row], settings: Settings, bicubic: float
) -> Gain | None:
    """Return the gain of found networks, given by their figures, over hand-made ones, trained alike.

    None if nothing is trained, or if the first cost of the search has no budget or is not counted in tables.
    """
    cost = first_cost(settings.objectives).name
    high = min((budget.limit for budget in settings.budgets if budget.cost == cost), default=None)
    low = max((end.limit for end in settings.range_from if end.cost == cost), default=None)
    if high is None or low is None or cost not in COUNTED or not (found and hand_made):
        return None
    ours = [Network(figures[cost], figures["psnr"]) for figures in found]
    theirs = [Network(float(getattr(row, cost)), final_psnr(row)) for row in hand_made]
    return gain(ours, theirs, low, high, bicubic)


def final_psnr(row: Row) -> float:
    """Return the PSNR in dB after the last step of a trained network."""
    return row.trained[0].curve[-1][1]
