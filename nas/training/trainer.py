"""The training loop, used by the brief training of a candidate and by the full training of a chosen network."""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.metrics import Measurement
from nas.training.borrowed import borrowed_weights
from nas.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from nas.training.divergence import TrainingDivergedError, check_losses
from nas.training.group import ALONE, Group
from nas.training.phase_steps import PhaseSteps
from nas.training.plateau import next_step
from nas.training.recipe import Recipe
from nas.training.report import Report, Trained, TrainingListener
from nas.training.schedule import Phase
from nas.training.step import Step
from nas.training.validation import sample_of, validate

CHECKPOINT_SECONDS = 20.0
"""Seconds between two checkpoints: a kill loses at most this much work. The result doesn't depend on it."""

LOSS_WINDOW = 20
"""Number of steps after which the losses are read, as a mean. Reading makes the host wait for a GPU."""


@dataclass(frozen=True)
class Pauses:
    """The steps at which a training is measured and may be paused, as at the rungs of a search.

    Pauses don't change the result: a paused training that continues ends with the same weights as without the pause.
    """

    steps: tuple[int, ...] = ()
    goes_on: Callable[[int, Measurement], bool] = lambda step, measured: True
    """(step, validation PSNR and SSIM) → whether the training continues; called at each of `steps`."""


class TrainingStoppedError(RunError):
    """The training was asked to stop. Its checkpoint is written, and the same call continues it."""


def train(
    network: nn.Module,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Path | None = None,
    listener: TrainingListener | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    pauses: Pauses = Pauses(),
    group: Group = ALONE,
) -> Trained:
    """Train `network` in place and return the result.

    With `checkpoint`, a training that was killed at any step, or paused, continues from the checkpoint. On a CPU with
    the same number of threads it ends with bit-identical weights.

    Args:
        network: The network, initialised by the caller (see `seed_all`).
        data: The images to train on and to validate on.
        recipe: The recipe, for this device.
        seed: Decides which patches are drawn.
        device: The device to train on.
        checkpoint: The file that checkpoints are written to and read from; None: no checkpoints.
        listener: Receives reports.
        should_stop: Asked before each step; True writes a checkpoint and raises TrainingStoppedError.
        pauses: Steps at which the training may be paused.
        group: The processes that train the network together; all of them make the same call. Only the main process
            reads and writes the checkpoint, and another number of processes may continue it.

    Raises:
        TrainingDivergedError: A loss became NaN or far too large.
        TrainingStoppedError: `should_stop` returned True.
        InputError: The recipe can't be trained by several processes, or the checkpoint is of another training.
    """
    group.check(network, recipe, device)
    loop = _Loop(group.synchronised(network), data, recipe, seed, device, checkpoint, listener, pauses, group)
    try:
        return loop.run(should_stop)
    finally:
        loop.steps.release()


class _Loop:
    def __init__(
        self,
        network: nn.Module,
        data: Dataset,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        checkpoint: Path | None,
        listener: TrainingListener | None,
        pauses: Pauses,
        group: Group,
    ) -> None:
        self.recipe, self.device, self.data, self.group = recipe, device, data, group
        self.checkpoint, self.listener, self.pauses = checkpoint, listener, pauses
        exchange = group.average_gradients
        self.step = Step(network, recipe, device, scale=data.scale, seed=seed, average_gradients=exchange)
        self.steps = PhaseSteps(self.step, data.train, recipe, device, group)
        self.generator = torch.Generator().manual_seed(seed)
        self.progress = Progress()
        self.began = self.skipped = 0  # of this process
        self.losses: dict[str, float] = {}
        self.patches_per_second: float | None = None
        self.sample: Tensor | None = None
        self.identity = _identity(network, data, recipe, seed)
        group.check_same(self.identity, "network, images and recipe")
        group.take_from_main(self.step.networks.values())

    def run(self, should_stop: Callable[[], bool]) -> Trained:
        self._restore()
        saved_at = time.monotonic()
        while self.progress.step < self.recipe.steps:
            measured = self._advance(should_stop)
            if measured is not None and not self._goes_on(measured):
                self._save()
                return self._trained(measured)
            if measured is not None:
                self._skip_at_plateau()
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self._save()
                saved_at = time.monotonic()
        if self.step.average is not None:
            self.step.network.load_state_dict(self.step.kept.state_dict())
        final = self._timed_validation(self.step.network, with_ssim=True)
        if math.isnan(final.psnr):
            raise TrainingDivergedError("The trained network's output is not a number.")
        self.progress.curve[-1]["psnr"] = final.psnr
        self._report(self.progress.curve[-1]["loss"])
        return self._trained(final)

    def _goes_on(self, measured: Measurement) -> bool:
        step = self.progress.step
        return step not in self.pauses.steps or self.pauses.goes_on(step, measured)

    def _skip_at_plateau(self) -> None:
        """Continue with the cool-down if the recipe says so. All processes of a group do as the main process."""
        step = self.group.from_main(next_step(self.recipe, self.progress.curve))
        self.skipped += step - self.progress.step
        self.progress.skipped += step - self.progress.step
        self.progress.step = step

    def _trained(self, validation: Measurement) -> Trained:
        done = self.progress
        made = done.step - done.skipped
        return Trained(validation, tuple(done.curve), made, done.train_seconds, done.validation_seconds, done.skipped)

    def _advance(self, should_stop: Callable[[], bool]) -> Measurement | None:
        """Train up to the next step at which the losses are read. Validate if it is a rung, or if the recipe says so.

        Returns the measurement, or None without a validation.
        """
        phase = self.steps.enter_phase(self.progress.step)
        self._train_window(phase, should_stop)
        check_losses(self.losses, self.recipe, self.progress.step, LOSS_WINDOW)
        step, loss = self.progress.step, self.losses["loss"]
        is_last = step == self.recipe.steps
        measured = None
        if self._validates_after(step):
            if not is_last:
                measured = self._timed_validation(self.step.kept, with_ssim=step in self.pauses.steps)
            psnr = float("nan") if measured is None else measured.psnr
            self.progress.curve.append({"step": step, "loss": loss, "psnr": psnr})
        if not is_last:  # the last step is validated and reported by `run`
            self._report(loss)
        return measured

    def _validates_after(self, step: int) -> bool:
        return self.recipe.validates_after(step) or step in self.pauses.steps

    def _train_window(self, phase: Phase, should_stop: Callable[[], bool]) -> None:
        """Make steps until the losses are due to be read, and read their means."""
        started, first = time.perf_counter(), self.progress.step
        window = [torch.tensor(losses, device=self.device) for losses in self.progress.losses]
        self.progress.losses = []
        stopping = self._agreed(should_stop)
        while True:
            if stopping():
                self.progress.losses = [losses.tolist() for losses in window]
                self.progress.train_seconds += time.perf_counter() - started
                self._save()
                done = f"{self.progress.step} of {self.recipe.steps} steps"
                raise TrainingStoppedError(f"Stopped after {done}; the same command continues from there.")
            window.append(self.steps.make(self.progress.step, phase, self.generator))
            self.progress.step += 1
            step = self.progress.step
            if step % LOSS_WINDOW == 0 or step == phase.end or self._validates_after(step):
                break
        means = self.group.average(torch.stack(window).mean(0))
        self.losses = dict(zip(self.step.names, means.tolist(), strict=True))
        seconds = time.perf_counter() - started
        self.progress.train_seconds += seconds
        self.patches_per_second = (step - first) * phase.batch / seconds

    def _agreed(self, should_stop: Callable[[], bool]) -> Callable[[], bool]:
        """Return the function that is asked before each step. Several processes agree once for the whole window."""
        if self.group.size == 1:
            return should_stop
        stop = self.group.any(should_stop())
        return lambda: stop

    def _report(self, loss: float) -> None:
        if self.listener is None:
            return
        progress, step = self.progress, self.progress.step
        measured = bool(progress.curve) and progress.curve[-1]["step"] == step
        report = Report(
            step=step,
            steps=self.recipe.steps,
            loss=loss,
            losses={name: value for name, value in self.losses.items() if name != "loss"},
            psnr=progress.curve[-1]["psnr"] if progress.curve else None,
            measured=measured,
            learning_rate=self.recipe.learning_rate_at(step - 1),
            patches_per_second=self.patches_per_second,
            seconds=progress.train_seconds + progress.validation_seconds,
            began=self.began,
            skipped=self.skipped,
            sample=self.sample if measured else None,
        )
        self.listener(report)

    def _timed_validation(self, network: nn.Module, *, with_ssim: bool) -> Measurement:
        started = time.perf_counter()
        images = self.data.validation
        measured = validate(network, images, self.recipe.validation_crop, self.device, with_ssim=with_ssim)
        if self.listener is not None:
            self.sample = sample_of(network, images, self.device)
        self.progress.validation_seconds += time.perf_counter() - started
        return measured

    def _save(self) -> None:
        if self.checkpoint is not None and self.group.is_main:
            save_checkpoint(self.checkpoint, self.step, self.generator, self.progress, self.identity)

    def _restore(self) -> None:
        if self.checkpoint is not None:
            with self.group.file_from_main(self.checkpoint) as path:
                found = load_checkpoint(path, self.step, self.generator, self.identity)
            self.progress = found or self.progress
            self.began = self.progress.step


def _identity(network: nn.Module, data: Dataset, recipe: Recipe, seed: int) -> str:
    """Return a digest of network, images, recipe and seed. A checkpoint with another digest is refused."""
    shapes = {name: tuple(p.shape) for name, p in network.state_dict().items()}
    # The denoiser is identified by its weights, not by its path.
    denoiser = data.train.denoiser or ""
    fields = recipe.model_dump_json(exclude={"denoiser"})
    content = f"{shapes} {data.fingerprint}{denoiser} {fields} {borrowed_weights(recipe)} {seed}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def seed_all(seed: int) -> None:
    """Seed the initialisation of the next network. The same seed gives the same weights on every device."""
    torch.manual_seed(seed)
