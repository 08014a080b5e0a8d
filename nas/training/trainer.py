"""The training loop, for the brief training of a candidate and for the full training of a chosen network alike."""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nas.data.dataset import Dataset, PatchSampler
from nas.errors import InputError, RunError
from nas.metrics import Measurement, measure
from nas.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from nas.training.recipe import Recipe

CHECKPOINT_SECONDS = 20.0
"""How much work a kill may cost; when a checkpoint is written has no influence on the result."""

LOSS_WINDOW = 20
"""Steps over which the loss is averaged before it is looked at, since looking makes a GPU wait."""

WORST_LOSS = 1.0
"""L1 and L2 between images in 0..1 never exceed 1, so a mean loss above it after the warm-up has exploded."""

_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "l2": F.mse_loss}


class TrainingDivergedError(RunError):
    """The loss became NaN or exploded."""


class TrainingStoppedError(RunError):
    """The training was asked to stop; its checkpoint is written, and the same call continues it."""


@dataclass(frozen=True)
class Trained:
    """What a training brought: the last validation, the curve and where the time went."""

    validation: Measurement
    curve: tuple[dict[str, float], ...]
    """One entry a validation: step, loss (mean of at most `LOSS_WINDOW` steps before it), psnr in dB."""
    steps: int
    train_seconds: float
    validation_seconds: float


@dataclass(frozen=True)
class Report:
    """What a training says while it runs; `psnr` is the last measured, None before the first."""

    step: int
    steps: int
    loss: float
    psnr: float | None


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
) -> Trained:
    """Train `network` in place by `recipe` and return how good it became.

    `seed` decides the patches; the caller seeded the initialisation. With `checkpoint`, a training that was killed
    at any step goes on from there and ends with bit-identical weights on a CPU with the same number of threads.

    Raises TrainingDivergedError, and TrainingStoppedError when `should_stop` turned true.
    """
    return _Loop(network, data, recipe, seed, device, checkpoint, listener).run(should_stop)


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
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe, self.device, self.data = recipe, device, data
        self.checkpoint, self.listener = checkpoint, listener
        self.optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, betas=recipe.betas)
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema)) if recipe.ema else None
        self.patches = PatchSampler(data.train, recipe.patch, device)
        self.generator = torch.Generator().manual_seed(seed)
        self.loss = _LOSSES[recipe.loss]
        self.progress = Progress()
        self.identity = _identity(network, data, recipe, seed)

    def run(self, should_stop: Callable[[], bool]) -> Trained:
        self._restore()
        saved_at = time.monotonic()
        while self.progress.step < self.recipe.steps:
            self._advance(should_stop)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self._save()
                saved_at = time.monotonic()
        if self.average is not None:
            self.network.load_state_dict(self.average.module.state_dict())
        final = self._timed_validation(self.network, with_ssim=True)
        if math.isnan(final.psnr):
            raise TrainingDivergedError("The trained network's output is not a number.")
        self.progress.curve[-1]["psnr"] = final.psnr
        progress = self.progress
        return Trained(final, tuple(progress.curve), progress.step, progress.train_seconds, progress.validation_seconds)

    def _advance(self, should_stop: Callable[[], bool]) -> None:
        """Train up to the next step at which the loss is looked at; validate where the recipe says so."""
        started = time.perf_counter()
        window = [torch.tensor(loss, device=self.device) for loss in self.progress.losses]
        self.progress.losses = []
        while True:
            if should_stop():
                self.progress.losses = [loss.item() for loss in window]
                self.progress.train_seconds += time.perf_counter() - started
                self._save()
                done = f"{self.progress.step} of {self.recipe.steps} steps"
                raise TrainingStoppedError(f"Stopped after {done}; the same command goes on from there.")
            window.append(self._step())
            step = self.progress.step
            if step % LOSS_WINDOW == 0 or step == self.recipe.steps or self.recipe.validates_after(step):
                break
        loss = torch.stack(window).mean().item()
        self.progress.train_seconds += time.perf_counter() - started
        self._check(loss)
        if self.recipe.validates_after(step):
            psnr = float("nan")
            if step < self.recipe.steps:
                psnr = self._timed_validation(self.average or self.network, with_ssim=False).psnr
            self.progress.curve.append({"step": step, "loss": loss, "psnr": psnr})
        if self.listener is not None:
            measured = [entry["psnr"] for entry in self.progress.curve if not math.isnan(entry["psnr"])]
            last = measured[-1] if measured else None
            self.listener(Report(step, self.recipe.steps, loss, last))

    def _step(self) -> Tensor:
        rate = self.recipe.learning_rate_at(self.progress.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        lr, hr = self.patches.sample(self.recipe.batch, self.generator)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            sr = self.network(lr.contiguous(memory_format=torch.channels_last))
        loss = self.loss(sr.float(), hr)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.progress.step += 1
        return loss.detach()

    def _check(self, loss: float) -> None:
        step = self.progress.step
        if not loss < float("inf"):
            raise TrainingDivergedError(f"The loss became {loss} by step {step}.")
        if loss > WORST_LOSS and step > self.recipe.warmup * self.recipe.steps + LOSS_WINDOW:
            raise TrainingDivergedError(f"The loss exploded to {loss:.3g} by step {step}.")

    def _timed_validation(self, network: nn.Module, *, with_ssim: bool) -> Measurement:
        started = time.perf_counter()
        network.eval()
        with torch.inference_mode():
            result = measure(
                lambda lr: network(lr.contiguous(memory_format=torch.channels_last)),
                self.data.validation,
                ("psnr", "ssim") if with_ssim else ("psnr",),
                crop=self.recipe.validation_crop,
                device=self.device,
            )
        network.train()
        self.progress.validation_seconds += time.perf_counter() - started
        return result

    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network} | ({"average": self.average} if self.average is not None else {})

    def _save(self) -> None:
        if self.checkpoint is not None:
            save_checkpoint(
                self.checkpoint, self._networks(), self.optimiser, self.generator, self.progress, self.identity
            )

    def _restore(self) -> None:
        if self.checkpoint is not None:
            found = load_checkpoint(self.checkpoint, self._networks(), self.optimiser, self.generator, self.identity)
            self.progress = found or self.progress


def _identity(network: nn.Module, data: Dataset, recipe: Recipe, seed: int) -> str:
    """Name what is being trained, on what and how, so that a checkpoint of something else is refused."""
    shapes = {name: tuple(p.shape) for name, p in network.state_dict().items()}
    # The denoiser is told by its weights, not by where they lie.
    denoiser = data.train.denoiser or ""
    content = f"{shapes} {data.fingerprint}{denoiser} {recipe.model_dump_json(exclude={'denoiser'})} {seed}"
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
