"""The training of one network for a table, and the header of a table."""

import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch

from nas.budget import Budget
from nas.data.dataset import Dataset
from nas.image_size import Size
from nas.metrics import Protocol, bicubic_baseline
from nas.table import Header, Training
from nas.training.recipe import Recipe
from nas.training.report import TrainingListener
from nas.training.trainer import TrainingStoppedError, seed_all, train
from nas.version import __version__
from search_spaces import Architecture


def make_header(
    data: Dataset,
    recipe: Recipe,
    device: torch.device,
    *,
    scale: int,
    hr_size: Size,
    budgets: Iterable[Budget],
    spaces: Mapping[str, str],
    label: str = "",
    reference: Recipe | None = None,
    one_thread: bool = True,
) -> Header:
    """Return the header of a table.

    Args:
        spaces: Names of spaces with the fingerprints of their choices.
        label: The purpose of the table.
        reference: The recipe of reference trainings, if there are any.
        one_thread: Whether trainings on a CPU have one thread each and are timed in CPU seconds of the process.
    """
    baseline = bicubic_baseline(data.validation, recipe.validation_crop)
    on_gpu = device.type == "cuda"
    cpu = f"{platform.machine()} CPU, {'one thread' if one_thread else f'{torch.get_num_threads()} threads'}"
    return Header(
        label=label,
        scale=scale,
        hr_size=hr_size,
        budgets=tuple(map(str, budgets)),
        spaces=spaces,
        data=data.name,
        data_fingerprint=data.fingerprint,
        protocol=Protocol.of(data.validation, recipe.validation_crop).to_dict(),
        bicubic=(baseline.psnr, baseline.ssim),
        recipe=recipe,
        reference=reference,
        device=torch.cuda.get_device_name(device) if on_gpu else cpu,
        clock="CPU seconds" if one_thread and not on_gpu else "seconds",
        versions={
            "nas": __version__,
            "torch": importlib.metadata.version("torch"),
            "python": platform.python_version(),
        },
    )


def train_network(
    architecture: Architecture,
    data: Dataset,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    listener: TrainingListener,
    should_stop: Callable[[], bool],
    *,
    checkpoint: Path | None = None,
    is_reference: bool = False,
    by_own_time: bool = False,
) -> Training:
    """Train one network, from its checkpoint if there is one. A failure is returned as part of the table.

    With `by_own_time` the seconds are CPU time of this process, which other load does not lengthen. This is valid for
    one thread, and for a training without an interruption. Raises TrainingStoppedError when `should_stop` turned true.
    """
    number = architecture.seed + recipe.seed + seed
    seed_all(number)
    began = time.process_time()
    try:
        trained = train(
            architecture.build(),
            data,
            recipe,
            seed=number,
            device=device,
            checkpoint=checkpoint,
            listener=listener,
            should_stop=should_stop,
        )
    except TrainingStoppedError:
        raise
    except RuntimeError as error:  # a divergence, or an error of torch, most often out of memory
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return Training(seed=seed, failure=reason, is_reference=is_reference)
    # Wall times split the CPU time into training and validation, since other load lengthens both alike.
    wall = trained.train_seconds + trained.validation_seconds
    spent = (time.process_time() - began) / wall if by_own_time else 1.0
    return Training(
        seed=seed,
        curve=tuple((int(entry["step"]), round(entry["psnr"], 4)) for entry in trained.curve),
        ssim=round(trained.validation.ssim, 5),
        training_seconds=round(trained.train_seconds * spent, 3),
        validation_seconds=round(trained.validation_seconds * spent, 3),
        is_reference=is_reference,
    )
