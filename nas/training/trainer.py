"""The training loop, for the brief training of a candidate and for the full training of a chosen network alike."""

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.data.dataset import Dataset
from nas.data.patches import PatchSampler
from nas.errors import InputError, NetworkError, RunError
from nas.metrics import Measurement, measure
from nas.training.borrowed import borrowed_weights
from nas.training.capture import Captured, CudaGraphs
from nas.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from nas.training.group import ALONE, Group
from nas.training.losses import LOSSES
from nas.training.recipe import Recipe
from nas.training.schedule import Phase
from nas.training.step import Step

CHECKPOINT_SECONDS = 20.0
"""How much work a kill may cost; when a checkpoint is written has no influence on the result."""

LOSS_WINDOW = 20
"""Steps over which the loss is averaged before it is looked at, since looking makes a GPU wait."""

SAMPLE_SIDE = 256
"""HR pixels on each side of the sample that a validation shows."""


@dataclass(frozen=True)
class Pauses:
    """Where on its way a training is measured and may be paused, e.g. since others are better by then.

    They leave no trace in what is trained: a training that was paused and goes on ends as if it never was.
    """

    steps: tuple[int, ...] = ()
    goes_on: Callable[[int, Measurement], bool] = lambda step, measured: True
    """Asked at each of `steps` with what was measured there, PSNR and SSIM."""


class TrainingDivergedError(NetworkError):
    """The loss became NaN or exploded."""


class TrainingStoppedError(RunError):
    """The training was asked to stop; its checkpoint is written, and the same call continues it."""


@dataclass(frozen=True)
class Trained:
    """What a training brought, up to its end or to a rung: the last validation, the curve and where the time went."""

    validation: Measurement
    curve: tuple[dict[str, float], ...]
    """One entry a validation: step, loss (mean of at most `LOSS_WINDOW` steps before it), psnr in dB."""
    steps: int
    train_seconds: float
    validation_seconds: float


@dataclass(frozen=True)
class Report:
    """What a training says while it runs: every `LOSS_WINDOW` steps, at validations and when it is done."""

    step: int
    steps: int
    loss: float
    """What is minimised: the weighted sum of the losses. Mean of the steps since the last report."""
    losses: Mapping[str, float]
    """Likewise each loss by its name, without its weight, and those of what learns beside the network."""
    psnr: float | None
    """In dB, the last measured; None before the first."""
    measured: bool
    """Whether that was at this very step."""
    learning_rate: float
    """Of the last step."""
    patches_per_second: float | None
    """Of the steps since the last report, without validation; None where this process made none."""
    seconds: float
    """Of training and validation so far, those before a stop included."""
    began: int
    """The step that this process went on from; 0 in a new training."""
    sample: Tensor | None = None
    """Where PSNR was measured: the centre of the first validation image as the network made it, [1, H, W] in 0..1."""


Listener = Callable[[Report], None]


def train(
    network: nn.Module,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    checkpoint: Path | None = None,
    listener: Listener | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    pauses: Pauses = Pauses(),
    group: Group = ALONE,
) -> Trained:
    """Train `network` in place by `recipe` and return how good it became.

    `seed` decides the patches; the caller seeded the initialisation. With `checkpoint`, a training that was killed
    at any step, or paused at one of `pauses`, goes on from there and ends with bit-identical weights on a CPU with
    the same number of threads.
    All processes of a `group` call this alike; the main one alone reads and writes the checkpoint, with which any
    number of processes may go on.

    Raises TrainingDivergedError, and TrainingStoppedError when `should_stop` turned true; InputError for what several
    processes can't train together.
    """
    group.check(network, recipe, device)
    loop = _Loop(group.synchronised(network), data, recipe, seed, device, checkpoint, listener, pauses, group)
    try:
        return loop.run(should_stop)
    finally:
        loop.run_step = loop.step  # a captured step holds the loop: together they would stay in the device's memory


class _Loop:
    def __init__(
        self,
        network: nn.Module,
        data: Dataset,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        checkpoint: Path | None,
        listener: Listener | None,
        pauses: Pauses,
        group: Group,
    ) -> None:
        self.recipe, self.device, self.data, self.group = recipe, device, data, group
        self.checkpoint, self.listener, self.pauses = checkpoint, listener, pauses
        exchange = group.average_gradients
        self.step = Step(network, recipe, device, scale=data.scale, seed=seed, average_gradients=exchange)
        self.run_step: Callable[..., Tensor] = self.step
        self.phase: Phase | None = None
        self.generator = torch.Generator().manual_seed(seed)
        self.progress = Progress()
        self.began = 0
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
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self._save()
                saved_at = time.monotonic()
        if self.step.average is not None:
            self.step.network.load_state_dict(self.step.kept.state_dict())
        final = self._timed_validation(self.step.network, with_ssim=True)
        if math.isnan(final.psnr):
            raise TrainingDivergedError("The trained network's output is not a number.")
        self.progress.curve[-1]["psnr"] = final.psnr
        self._tell(self.progress.curve[-1]["loss"])
        return self._trained(final)

    def _goes_on(self, measured: Measurement) -> bool:
        step = self.progress.step
        return step not in self.pauses.steps or self.pauses.goes_on(step, measured)

    def _trained(self, validation: Measurement) -> Trained:
        done = self.progress
        return Trained(validation, tuple(done.curve), done.step, done.train_seconds, done.validation_seconds)

    def _advance(self, should_stop: Callable[[], bool]) -> Measurement | None:
        """Train up to the next step at which the losses are looked at; validate at rungs and where the recipe says so.

        Returns what was measured, if anything was.
        """
        phase = self._enter_phase()
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
            window.append(self._train_step(phase))
            step = self.progress.step
            validates = self.recipe.validates_after(step) or step in self.pauses.steps
            if step % LOSS_WINDOW == 0 or step == phase.end or validates:
                break
        means = self.group.average(torch.stack(window).mean(0))
        self.losses = dict(zip(self.step.names, means.tolist(), strict=True))
        seconds = time.perf_counter() - started
        self.progress.train_seconds += seconds
        self.patches_per_second = (step - first) * phase.batch / seconds
        self._check()
        loss = self.losses["loss"]
        measured = None
        if validates:
            if step < self.recipe.steps:
                measured = self._timed_validation(self.step.kept, with_ssim=step in self.pauses.steps)
            psnr = float("nan") if measured is None else measured.psnr
            self.progress.curve.append({"step": step, "loss": loss, "psnr": psnr})
        if step < self.recipe.steps:  # what the last step brought is told when it is measured
            self._tell(loss)
        return measured

    def _agreed(self, should_stop: Callable[[], bool]) -> Callable[[], bool]:
        """Return what says before each step whether to stop; several processes settle it once for all until a look."""
        if self.group.size == 1:
            return should_stop
        stop = self.group.any(should_stop())
        return lambda: stop

    def _enter_phase(self) -> Phase:
        """Return the phase of the next step; what it needs is ready."""
        phase = self.recipe.phase_at(self.progress.step)
        if phase != self.phase:
            if self.phase is None or phase.patch != self.phase.patch:
                vars(self).pop("patches", None)  # a device may not hold the pixels twice
                self.patches = PatchSampler(self.data.train, phase.patch, self.device)
            self.step.weigh(phase.losses)
            self.phase = phase
            self.run_step = self._captured(self._step_of_drawn if self.patches.is_resident else self.step)
        return phase

    def _captured(self, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        # What processes say to each other is not captured.
        is_capturable = self.device.type == "cuda" and self.group.size == 1
        return Captured(function, CudaGraphs(self.device)) if is_capturable else function

    def _train_step(self, phase: Phase) -> Tensor:
        self.step.set_learning_rate(phase.learning_rate.at(self.progress.step))
        self.progress.step += 1
        share = self.group.share(phase.batch)  # of a batch that all processes draw alike
        if self.patches.is_resident:
            return self.run_step(self.patches.draw(phase.batch, self.generator)[:, share])
        lr, hr = self.patches.sample(phase.batch, self.generator)
        return self.run_step(lr[share], hr[share])

    def _step_of_drawn(self, drawn: Tensor) -> Tensor:
        return self.step(*self.patches.gather(drawn))

    def _check(self) -> None:
        """Raise TrainingDivergedError when a loss is no number, or after the warm-up more than images allow."""
        step = self.progress.step
        if not math.isfinite(self.losses["loss"]):
            raise TrainingDivergedError(f"The loss became {self.losses['loss']} by step {step}.")
        if step <= self.recipe.warmup * self.recipe.steps + LOSS_WINDOW:
            return
        for name in self.recipe.phase_at(step - 1).losses:
            if self.losses[name] > LOSSES.get(name).worst:
                raise TrainingDivergedError(f"The loss '{name}' exploded to {self.losses[name]:.3g} by step {step}.")

    def _tell(self, loss: float) -> None:
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
            sample=self.sample if measured else None,
        )
        self.listener(report)

    def _timed_validation(self, network: nn.Module, *, with_ssim: bool) -> Measurement:
        started = time.perf_counter()
        network.eval()

        def upscale(lr: Tensor) -> Tensor:
            sr: Tensor = network(lr.contiguous(memory_format=torch.channels_last))
            return sr.float()

        with torch.inference_mode():
            metrics = ("psnr", "ssim") if with_ssim else ("psnr",)
            crop = self.recipe.validation_crop
            result = measure(upscale, self.data.validation, metrics, crop=crop, device=self.device)
            if self.listener is not None:
                sample = self.data.validation.pair(0, SAMPLE_SIDE).lr.to(self.device)
                self.sample = upscale(sample)[0].clamp(0, 1).cpu()
        network.train()
        self.progress.validation_seconds += time.perf_counter() - started
        return result

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
    """Name what is being trained, on what and how, so that a checkpoint of something else is refused."""
    shapes = {name: tuple(p.shape) for name, p in network.state_dict().items()}
    # The denoiser is told by its weights, not by where they lie.
    denoiser = data.train.denoiser or ""
    fields = recipe.model_dump_json(exclude={"denoiser"})
    content = f"{shapes} {data.fingerprint}{denoiser} {fields} {borrowed_weights(recipe)} {seed}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def seed_all(seed: int) -> None:
    """Seed the initialisation that follows; the same seed gives the same weights on each device."""
    torch.manual_seed(seed)


def pick_device(name: str | None = None) -> torch.device:
    """Return the named device, or the best that is there. Raises InputError for one that is not."""
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        raise InputError(f"The device '{name}' is not there.") from None
    return device
