"""The measurements of `nas proxies rank`: a sample of networks is trained, and proxies score it.

Results go into the journal of a table (`nas.evidence.benchmark.journal`): the brief trainings by the recipe of the
table, and the reference trainings by its reference recipe.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.cost import HR_SIZE, screening_cost
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.evidence.benchmark.journal import Journal
from nas.evidence.benchmark.training import make_header, train_network
from nas.evidence.ranking.settings import RankSettings
from nas.files import make_folder
from nas.parallel.listener import Listener
from nas.progress import Progress
from nas.quantities import short
from nas.search.sample import draw_sample
from nas.search.samplers.problem import Draw
from nas.table import Row, Table, Training
from nas.training.divergence import TrainingDivergedError
from nas.training.task import BriefTask
from nas.training.trainer import TrainingStoppedError, seed_all
from proxies import PROXIES, Proxy, Score
from search_spaces import Architecture

DEFAULT_TRAINING_PROXY = "brief"
REFERENCE = "reference"
"""Part of the name of the checkpoint of a reference training."""


def default_proxies() -> list[str]:
    """Return the names of the proxies that do not train, and `brief`."""
    return [proxy.name for proxy in PROXIES if not proxy.trains or proxy.name == DEFAULT_TRAINING_PROXY]


@dataclass
class Ranking:
    """A ranking in its folder, which is the working folder of a table.

    All results are kept. So the same ranking continues after a stop, and a ranking with more networks or proxies only
    makes the new measurements.
    """

    settings: RankSettings
    data: Dataset
    folder: Path
    device: torch.device

    @property
    def journal(self) -> Journal:
        """The journal that receives the results."""
        return Journal(self.folder)

    def draw(self, progress: Progress | None = None) -> list[Architecture]:
        """Return the sample, which contains the earlier sample, and write it with the settings into the folder.

        Raises InputError before anything is written if too few networks fit.
        """
        settings = self.settings
        earlier = [row.network for row in self.journal.rows()]
        drawn = draw_sample(settings.drawn, settings.sample, seed=settings.seed, earlier=earlier, progress=progress)
        if len(drawn) < settings.sample:
            raise InputError(
                f"Only {len(drawn)} networks of the space {settings.space_in_words} fit "
                f"{', '.join(settings.budgets)}, not {settings.sample}; give a larger --budget or a smaller --sample."
            )
        make_folder(self.folder)
        header = make_header(
            self.data,
            settings.recipe,
            self.device,
            scale=settings.scale,
            hr_size=HR_SIZE,
            budgets=settings.limits,
            spaces={settings.space: settings.space_fingerprint},
            label=settings.run,
            reference=settings.reference,
            one_thread=False,
        )
        self.journal.begin(header, {"sample": settings.sample, "seed": settings.seed}, [_row(draw) for draw in drawn])
        settings.write(self.folder)
        return [draw.architecture for draw in drawn[: settings.sample]]

    def table(self) -> Table:
        """Return the table of the sample with the results so far."""
        table = self.journal.table()
        sample = {row.network.fingerprint for row in self.journal.rows()[: self.settings.sample]}
        return table.model_copy(update={"rows": tuple(row for row in table.rows if row.network.fingerprint in sample)})

    def measure(
        self,
        architectures: Sequence[Architecture],
        proxies: Sequence[str],
        listener: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        """Score the networks by `proxies`, and train them by the reference recipe. Existing results are kept.

        Scores without training come first, since they are fast. A network whose training fails takes no part in the
        ranking. Raises TrainingStoppedError when `should_stop` turned true, UnknownNameError for a proxy.
        """
        chosen = [PROXIES.get(name) for name in proxies]
        rows = {row.network.fingerprint: row for row in self.table().rows}
        for trains in (False, True):
            for index, architecture in enumerate(architectures, start=1):
                row = rows.get(architecture.fingerprint)
                label = f"network {index} of {len(architectures)} ({short(screening_cost(architecture).macs)} MACs)"
                for proxy in chosen:
                    if proxy.trains == trains and not (row and proxy.name in row.proxies):
                        self._score(architecture, proxy, label, listener, should_stop)
                if trains and not (row and any(training.is_reference for training in row.trainings)):
                    self._train(architecture, label, listener, should_stop)
                elif should_stop():
                    raise TrainingStoppedError("Stopped; the same command continues from there.")

    def _score(
        self,
        architecture: Architecture,
        proxy: Proxy,
        label: str,
        listener: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        recipe, checkpoint = self.settings.recipe, self._checkpoint(architecture, proxy.name)
        seed = architecture.seed + recipe.seed
        seed_all(seed)
        network = architecture.build()
        started, score = time.perf_counter(), Score(math.nan, "", {})
        with listener.training(f"{label}, {proxy.name}") as training_listener, _telling(listener, label):
            task = BriefTask(self.data, recipe, seed, self.device, checkpoint, training_listener, should_stop)
            score = proxy.score(network, task)
        seconds = time.perf_counter() - started
        found: dict[str, object] = {}
        if "train_seconds" in score.metrics:  # includes the seconds before a stop
            training = _as_training(score)
            seconds = training.training_seconds + training.validation_seconds
            found = {"training": training.model_dump(exclude_defaults=True)}
        value = float(f"{score.value:.6g}") if math.isfinite(score.value) else None
        self._append(architecture, proxies={proxy.name: value}, seconds={proxy.name: round(seconds, 4)}, **found)
        checkpoint.unlink(missing_ok=True)

    def _train(
        self, architecture: Architecture, label: str, listener: Listener, should_stop: Callable[[], bool]
    ) -> None:
        checkpoint = self._checkpoint(architecture, REFERENCE)
        with listener.training(label) as training_listener:
            training = train_network(
                architecture,
                self.data,
                self.settings.reference,
                0,
                self.device,
                training_listener,
                should_stop,
                checkpoint=checkpoint,
                is_reference=True,
            )
        steps = f" after {training.curve[-1][0]} steps" if training.curve else ""
        listener.say(f"{label}: {training.failure or f'{training.curve[-1][1]:.2f} dB{steps}'}")
        self._append(architecture, training=training.model_dump(exclude_defaults=True))
        checkpoint.unlink(missing_ok=True)

    def _append(self, architecture: Architecture, **found: object) -> None:
        self.journal.append(0, architecture.fingerprint, **found)

    def _checkpoint(self, architecture: Architecture, name: str) -> Path:
        return self.folder / "checkpoints" / f"{architecture.fingerprint}-{name}.safetensors"


@contextmanager
def _telling(listener: Listener, label: str) -> Iterator[None]:
    """Report why a network can't be scored, and continue after the `with`."""
    try:
        yield
    except (TrainingDivergedError, torch.OutOfMemoryError) as error:
        listener.say(f"{label}: {str(error).splitlines()[0]}")


def _as_training(score: Score) -> Training:
    return Training(
        seed=0,
        curve=tuple((int(entry["step"]), round(entry["psnr"], 4)) for entry in score.curve),
        ssim=round(score.metrics["ssim"], 5),
        training_seconds=round(score.metrics["train_seconds"], 3),
        validation_seconds=round(score.metrics["validation_seconds"], 3),
    )


def _row(draw: Draw) -> Row:
    return Row(architecture=draw.architecture.to_dict(), macs=draw.cost.macs, params=draw.cost.params)
