"""Full training of the front of a run, or of architectures."""

from collections.abc import Sequence
from pathlib import Path

from nas.api.calls import check_counts, public_call
from nas.api.events import Callback, followed
from nas.api.given import Device, Scaling, device_of, parse_counts
from nas.api.models import TrainedModel
from nas.api.records import FoundNetwork
from nas.api.runs import SearchRun
from nas.errors import InputError, RunError
from nas.files import check_writable
from nas.jobs.forecast import Forecast
from nas.jobs.full_training import train_job
from nas.jobs.training_plan import Asked, plan_training
from nas.model import RESULTS
from nas.parallel.placement import Placement
from nas.report.forecast import in_words
from search_spaces import Architecture

Trainable = str | Path | Architecture | FoundNetwork | TrainedModel


@public_call()
def train(
    what: SearchRun | Trainable | Sequence[Trainable],
    *,
    top: int | None = None,
    knee: bool = False,
    under: str | Sequence[str] = (),
    recipe: str | Path = "full",
    steps: int | None = None,
    degradation: str | None = None,
    counts: Scaling = None,
    data: str | Path | None = None,
    scale: int | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    tensorboard: str | Path | None = None,
    storage: str | None = None,
    skip_bad: bool | None = None,
    device: Device = None,
    results: str | Path = RESULTS,
    callback: Callback | None = None,
) -> list[TrainedModel]:
    """Train the front of a run, or architectures, fully. The same call continues after a stop.

    Args:
        what: A run or its name, for networks of its front; or one or more architectures: `SPACE/POINT`, `RUN:TRIAL`,
            paths, networks of a run, `nas.Architecture` objects. A trained model is trained from its weights.
        top: Number of networks of a run's front, spread over its range; 1: the best. Default: the knee of the
            front, and the best networks within the budget and within half of it.
        knee: Whether to train the knee of a run's front.
        under: Budgets such as `"5G-MACs"`, to train the best network of a run within each.
        recipe: A recipe's name or YAML file.
        steps: Number of steps. Default: the recipe's.
        degradation: Makes the LR images. Default: the recipe's.
        counts: Scale and offset of images without 8 or 16 bits.
        data: Folder of images. Default: the run's, also for `RUN:TRIAL`; else synthetic scenes.
        scale: Scale of published networks. Default: the scale of their published figures.
        jobs: Networks at the same time. Default: as many as fit.
        threads: CPU threads of each network. Default: an equal share.
        tensorboard: Folder of logs for TensorBoard. Default: no such logs.
        storage: SQLAlchemy URL of the run's study.
        skip_bad: Whether to leave unreadable images out. Default: as the run does.
        device: The device of the training. Default: a GPU if there is one.
        results: The folder with runs and trained networks.
        callback: Receives the progress of each training; may return `nas.STOP`.

    Returns:
        The trained models in the order of `what`; for the front of a run the best first.

    Raises:
        InputError: An argument or the images are not usable.
        RunError: A training failed; the others are saved.
        StoppedError: The callback returned `nas.STOP`; networks in training are saved, and the same call continues.
        KeyboardInterrupt: After Ctrl-C; networks in training are saved, too.

    Example:
        >>> models = nas.train("espcn/ESPCN", data="images", recipe="tiny.yaml", steps=6)
        >>> models[0].metrics["steps"], models[0].folder
        (6, PosixPath('results/trained/espcn-ESPCN'))
    """
    check_counts(1, top=top, steps=steps, scale=scale, jobs=jobs, threads=threads)
    where, logs = device_of(device), check_writable(tensorboard, "tensorboard", folder=True)
    if isinstance(what, SearchRun):
        wanted: list[str | Asked] = [str(what.folder)]
    else:
        several = what if isinstance(what, Sequence) and not isinstance(what, str) else [what]
        wanted = [_asked(item) for item in several]
    if not wanted:
        raise InputError("There is nothing to train; name a run or at least one architecture.")
    scaling = parse_counts(counts)
    job = plan_training(
        wanted,
        where,
        top=top,
        knee=knee,
        under=(under,) if isinstance(under, str) else under,
        recipe=str(recipe),
        steps=steps,
        degradation=degradation,
        counts=str(scaling) if scaling else None,
        data=None if data is None else str(data),
        scale=scale,
        storage=storage,
        skip_bad=skip_bad,
        results=Path(results),
    )
    with followed(callback) as follower:
        for note in (*job.notes, *job.picks):
            follower.say(note)

        def introduce(placement: Placement, forecast: Forecast | None) -> None:
            if forecast is not None:
                follower.say(in_words(forecast))

        done = train_job(
            job, where, follower, follower, jobs=jobs, threads=threads, tensorboard=logs, introduce=introduce
        )
    if done.failures:
        told = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in done.failures.items())
        raise RunError(f"Not all networks were trained ({told}); the same call tries them again.")
    return [TrainedModel(Path(folder), model) for folder, model, _ in done.models]


def _asked(item: Trainable) -> str | Asked:
    """Return an argument of `train` as `plan_training` takes it."""
    if isinstance(item, TrainedModel):
        return str(item.folder)
    if isinstance(item, FoundNetwork):
        return Asked(item.name.replace("/", "-").replace(":", "-"), item.architecture)
    if isinstance(item, Architecture):
        return Asked(f"{item.space}-{item.fingerprint}", item)
    return str(item)
