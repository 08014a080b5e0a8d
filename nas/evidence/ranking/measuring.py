"""Trains a sample of networks and has proxies score it: what `nas proxies rank` judges them by."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.cost import screening_cost
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.evidence.ranking.evidence import TRAINING, Row
from nas.evidence.ranking.settings import RankSettings
from nas.files import make_folder, write_atomic
from nas.parallel.listener import Audience
from nas.progress import Progress
from nas.quantities import short
from nas.search.sample import draw_sample
from nas.training.recipe import Recipe
from nas.training.task import BriefTask
from nas.training.trainer import Trained, TrainingDivergedError, TrainingStoppedError, seed_all, train
from proxies import PROXIES, Proxy
from search_spaces import Architecture
from search_spaces.documents import DocumentError, read_json

DEFAULT_TRAINING_PROXY = "brief"


def default_proxies() -> list[str]:
    """Return the names of the proxies that don't train, and of the plain one that does."""
    return [proxy.name for proxy in PROXIES if not proxy.trains or proxy.name == DEFAULT_TRAINING_PROXY]


@dataclass
class Ranking:
    """A ranking's folder: the sample's architectures and figures, each in a file of its own, and what is being trained.

    Whatever was trained or scored is kept, so that the same ranking goes on where it was stopped, and with more
    networks or proxies does only what is new.
    """

    settings: RankSettings
    data: Dataset
    folder: Path
    device: torch.device

    def draw(self, progress: Progress | None = None) -> list[Architecture]:
        """Return the sample, and keep it with the settings; what was drawn before is part of it.

        Raises InputError where too few networks fit, before anything is written.
        """
        settings = self.settings
        known = [Architecture.from_dict(row["architecture"]) for row in self._stored()]
        drawn = draw_sample(settings.drawn, settings.sample, seed=settings.seed, known=known, progress=progress)
        if len(drawn) < settings.sample:
            raise InputError(
                f"Only {len(drawn)} networks of the space {settings.space_in_words} within "
                f"{', '.join(settings.budgets)} were found, not {settings.sample}; give a larger --budget or a smaller "
                "--sample."
            )
        make_folder(self.folder)
        settings.write(self.folder)
        for place, draw in enumerate(drawn[len(known) :], start=len(known)):
            row = {"architecture": draw.architecture.to_dict(), "place": place, **draw.cost.figures}
            self._write(draw.architecture, row | {"curves": {}, "proxies": {}, "seconds": {}})
        return [draw.architecture for draw in drawn[: settings.sample]]

    def measure(
        self,
        architectures: Sequence[Architecture],
        proxies: Sequence[str],
        audience: Audience,
        should_stop: Callable[[], bool],
    ) -> None:
        """Have `proxies` score the networks, then train those fully; what is known already is left.

        Scores without training come first, since they are there in a moment. A network whose training fails is told
        of and has no part in the ranking.
        Raises TrainingStoppedError when `should_stop` turned true, UnknownNameError for a proxy.
        """
        chosen = [PROXIES.get(name) for name in proxies]
        total = len(architectures)
        for trains in (False, True):
            for index, architecture in enumerate(architectures, start=1):
                label = f"network {index} of {total} ({short(screening_cost(architecture).macs)} MACs)"
                work = [proxy for proxy in chosen if proxy.trains == trains]
                self._score(architecture, work, label, audience, should_stop)
                if trains:
                    self._train(architecture, label, audience, should_stop)
                elif should_stop():
                    raise TrainingStoppedError("Stopped; the same command goes on from there.")

    def rows(self) -> list[Row]:
        """Return what is known of the sample, in the shape of `evidence.Row`; failed networks are left out."""
        return [row for row in self._stored()[: self.settings.sample] if "failed" not in row]

    def _score(
        self,
        architecture: Architecture,
        proxies: Sequence[Proxy],
        label: str,
        audience: Audience,
        should_stop: Callable[[], bool],
    ) -> None:
        recipe, seed = self.settings.recipe, architecture.seed + self.settings.recipe.seed
        for proxy in proxies:
            if proxy.name in self._row(architecture)["proxies"]:
                continue
            network, checkpoint = self._network(architecture, recipe), self._checkpoint(architecture, proxy.name)
            started, value, metrics = time.perf_counter(), math.nan, dict[str, float]()
            with audience.training(f"{label}, {proxy.name}") as listener, self._failing(audience, label):
                task = BriefTask(self.data, recipe, seed, self.device, checkpoint, listener, should_stop)
                score = proxy.score(network, task)
                value, metrics = score.value, dict(score.metrics)
            seconds = time.perf_counter() - started
            if "train_seconds" in metrics:  # those before a stop, too
                seconds = metrics["train_seconds"] + metrics["validation_seconds"]
            self._add(architecture, "seconds", proxy.name, seconds)
            self._add(architecture, "proxies", proxy.name, value if math.isfinite(value) else None)
            checkpoint.unlink(missing_ok=True)

    def _train(
        self, architecture: Architecture, label: str, audience: Audience, should_stop: Callable[[], bool]
    ) -> None:
        recipe, row = self.settings.reference, self._row(architecture)
        if row["curves"] or "failed" in row:
            return
        network, checkpoint = self._network(architecture, recipe), self._checkpoint(architecture, TRAINING)
        trained: Trained | None = None
        with audience.training(label) as listener, self._failing(audience, label):
            trained = train(
                network,
                self.data,
                recipe,
                seed=architecture.seed + recipe.seed,
                device=self.device,
                checkpoint=checkpoint,
                listener=listener,
                should_stop=should_stop,
            )
        if trained is None:
            self._write(architecture, {**row, "failed": True})
        else:
            curve = [[entry["step"], round(entry["psnr"], 4)] for entry in trained.curve]
            self._add(architecture, "seconds", TRAINING, trained.train_seconds + trained.validation_seconds)
            self._add(architecture, "curves", str(recipe.seed), curve)
            audience.say(f"{label}: {trained.validation.psnr:.2f} dB after {trained.steps} steps")
        checkpoint.unlink(missing_ok=True)

    @contextmanager
    def _failing(self, audience: Audience, label: str) -> Iterator[None]:
        """What a network can't be trained for is told, and ends what is done inside."""
        try:
            yield
        except (TrainingDivergedError, torch.OutOfMemoryError) as error:
            audience.say(f"{label}: {str(error).splitlines()[0]}")

    def _network(self, architecture: Architecture, recipe: Recipe) -> nn.Module:
        seed_all(architecture.seed + recipe.seed)
        return architecture.build()

    def _checkpoint(self, architecture: Architecture, name: str) -> Path:
        return self.folder / "checkpoints" / f"{architecture.fingerprint}-{name}.safetensors"

    def _path(self, architecture: Architecture) -> Path:
        return self.folder / "networks" / f"{architecture.fingerprint}.json"

    def _add(self, architecture: Architecture, part: str, name: str, value: Any) -> None:
        row = dict(self._row(architecture))
        self._write(architecture, row | {part: {**row[part], name: value}})

    def _write(self, architecture: Architecture, row: Row) -> None:
        path = self._path(architecture)
        make_folder(path.parent)
        write_atomic(path, json.dumps(row) + "\n")

    def _row(self, architecture: Architecture) -> Row:
        return _read(self._path(architecture))

    def _stored(self) -> list[Row]:
        return sorted(map(_read, (self.folder / "networks").glob("*.json")), key=lambda row: int(row["place"]))


def _read(path: Path) -> Row:
    try:
        row: Row = read_json(path)
    except DocumentError as error:
        raise InputError(str(error)) from None
    return row
