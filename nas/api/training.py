"""Full training of what a search found, or of any architecture."""

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
from nas.jobs.full_training import train_job
from nas.jobs.training_plan import Asked, plan
from nas.model import RESULTS
from search_spaces import Architecture

Trainable = str | Path | Architecture | FoundNetwork | TrainedModel


@public_call()
def train(
    what: SearchRun | Trainable | Sequence[Trainable],
    *,
    top: int = 3,
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
    """Train the front of a run, or architectures, fully. The same call continues what was stopped.

    Args:
        what: A run or its name (then networks of its front), or one or more architectures: `SPACE/POINT`, `RUN:TRIAL`,
            paths, networks of a run, `nas.Architecture` objects; of a trained model the training starts from its
            weights.
        top: How many networks of a run's front.
        recipe: A recipe's name or YAML file.
        steps: Steps, in place of the recipe's.
        degradation: Makes the LR images. Default: the recipe's.
        counts: Scale and offset of images that aren't of 8 or 16 bits.
        data: Folder of images. Default: the run's, else synthetic scenes.
        scale: Of published networks. Default: the scale that their figures are for.
        jobs: Networks at a time. Default: as many as there is room for.
        threads: CPU threads of each. Default: a fair share.
        tensorboard: Folder that also gets logs for TensorBoard.
        storage: SQLAlchemy URL of the run's study.
        skip_bad: Whether to leave unreadable images out. Default: as the run does.
        device: Where to train.
        results: The folder in which runs and trained networks lie.
        callback: Told how far each training is; it may return `nas.STOP`.

    Returns:
        The trained models, in the order of `what`; of a run's front the best first.

    Raises:
        InputError: An argument can't be used, or the images can't.
        RunError: A training failed; the others are saved.
        StoppedError: The callback returned `nas.STOP`; what is in training is saved, and the same call continues.
        KeyboardInterrupt: After Ctrl-C; likewise.

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
        wanted = [_asked(one) for one in several]
    if not wanted:
        raise InputError("Nothing is to be trained; name a run or at least one architecture.")
    scaling = parse_counts(counts)
    job = plan(
        wanted,
        where,
        top=top,
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
        for note in job.notes:
            follower.say(note)
        done = train_job(job, where, follower, follower, jobs=jobs, threads=threads, tensorboard=logs)
    if done.failures:
        told = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in done.failures.items())
        raise RunError(f"Not all networks were trained ({told}); the same call tries them again.")
    return [TrainedModel(Path(folder), model) for folder, model, _ in done.models]


def _asked(one: Trainable) -> str | Asked:
    """Return what is to be trained as `plan` takes it."""
    if isinstance(one, TrainedModel):
        return str(one.folder)
    if isinstance(one, FoundNetwork):
        return Asked(one.name.replace("/", "-").replace(":", "-"), one.architecture)
    if isinstance(one, Architecture):
        return Asked(f"{one.space}-{one.fingerprint}", one)
    return str(one)
