"""A search as a function, and its parts that the command shares."""

import time as clock
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from nas.api.calls import check_request, public_call
from nas.api.events import Callback, counted, followed
from nas.api.given import Device, Scaling, Size, device_of, in_text, parse_counts
from nas.api.runs import SearchRun
from nas.data.dataset import Dataset
from nas.duration import duration
from nas.errors import InputError, RunError, StoppedError
from nas.model import RESULTS
from nas.parallel.listener import Listener
from nas.parallel.placement import devices_for
from nas.search.option import listed, rung_steps
from nas.search.request import Request
from nas.search.run import Run
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.ending import Ended, Ending
from nas.search.start import start
from nas.search.workers.side_by_side import run_workers
from nas.search.workers.worker import Worker
from search_spaces import Choice

Texts = str | Sequence[str] | None


@public_call()
def search(
    budget: Texts = None,
    *,
    range_from: Texts = None,
    objectives: Texts = None,
    data: str | Path | None = None,
    space: str | Path | None = None,
    scale: int | None = None,
    trials: int | None = None,
    time: str | float | None = None,
    stop_when_flat: int | None = None,
    run: str | None = None,
    recipe: str | Path | None = None,
    rungs: str | Sequence[int] | None = None,
    no_rungs: bool = False,
    reduction: int | None = None,
    degradation: str | None = None,
    counts: Scaling = None,
    sampler: str | None = None,
    screen: Texts = None,
    fix: Mapping[str, Choice] | None = None,
    target: str | None = None,
    prior: str | Path | None = None,
    seed: int | None = None,
    jobs: int = 1,
    hr: Size | None = None,
    lr: Size | None = None,
    latency_command: str | None = None,
    latency_threads: int | None = None,
    storage: str | None = None,
    skip_bad: bool | None = None,
    device: Device = None,
    plugin: str | Path | Sequence[str | Path] | None = None,
    results: str | Path = RESULTS,
    callback: Callback | None = None,
) -> SearchRun:
    """Search for the best networks within a budget. The same call again continues the search.

    An argument that is left out is as before in a run that continues, and has its default in a new run. Nothing is
    printed; `callback=nas.print_events` prints the results.

    Args:
        budget: Highest costs of a network, one or more of `"10G-MACs"`, `"900K-params"`, `"64MiB-memory"`, `"33ms"`.
        range_from: Lower end of the range of interest: `"2G-MACs"`. Default: an eighth of the budget.
        objectives: 2 to 4 of psnr, ssim, macs, params, activations, convs, latency, memory. Default: psnr and macs.
        data: Folder of infrared images. Default: synthetic scenes.
        space: A space, or a YAML file that narrows one. Default: hybrid.
        scale: 2, 3 or 4; 1 for denoisers. Default: 2.
        trials: Candidates to try, over all workers.
        time: Plan a new search for this long, and end by then: `"20m"`, `"2h"`, or seconds.
        stop_when_flat: End after this many candidates in a row that do not improve the front.
        run: Name of the run. Default: made of space, scale, budget and images.
        recipe: Brief recipe, a name or a YAML file. Default: brief.
        rungs: Steps after which weak candidates are paused, the last being the whole training: `"100,300,900"` or
            `(100, 300, 900)`. Default: a twenty-seventh, a ninth, a third and all of
                the recipe's steps.
        no_rungs: Whether to train every candidate to the end.
        reduction: One of this many candidates continues at a rung. Default: 3.
        degradation: Makes the LR images. Default: the recipe's.
        counts: Scale and offset of images without 8 or 16 bits.
        sampler: local, falsr, tpe, nsga2, nsga3, gp, spread or random. Default: local, with screen surrogate:100.
        screen: Screens that choose among the draws of the sampler: `"surrogate:200"`, `"zico:100"`.
        target: Chip that takes all networks whole: a name that `nas targets` lists, or a YAML file.
        fix: Choices that are held fixed: `{"cell1.width": 32}`.
        prior: What the surrogate knows at the start: `"shipped"`, `"none"`, a run or a table file. Default: shipped.
        seed: Seed of the sampler. Default: 0.
        jobs: Worker processes on this machine. They don't run your script again.
        hr: Size of the HR image that costs are counted for. Default: 1280x720.
        lr: Size of the LR image, such as that of a sensor, instead of `hr`: `"640x512"` or `(640, 512)`.
        latency_command: Command that prints the latency in ms of the ONNX file `{model}` on your device.
        latency_threads: CPU threads that a latency is for. Default: 1.
        storage: SQLAlchemy URL of the study. Default: `study.db` in the run's folder.
        skip_bad: Whether to leave unreadable images out.
        device: The device of the trainings. Default: a GPU if there is one.
        plugin: Python files with your own spaces, losses, …
        results: The folder with the runs.
        callback: Receives the events of the search; may return `nas.STOP`.

    Returns:
        The run. `ended` says why the search returned: it is done, its time is up, or the callback stopped it.

    Raises:
        InputError: An argument or the images are not usable; nothing was written.
        RunError: The search failed, or was stopped by SIGTERM.
        KeyboardInterrupt: After Ctrl-C. Networks in training are saved, and the same call continues.

    Example:
        >>> run = nas.search("300M-MACs", data="images", space="dots", recipe="tiny.yaml", trials=2, run="second")
        >>> run.ended
        'done'
        >>> run.best().macs <= 300e6
        True
    """
    began, where = clock.monotonic(), device_of(device)
    scaling, plugins = parse_counts(counts), (plugin,) if isinstance(plugin, str | Path) else plugin
    request = Request(
        run=run,
        budgets=_texts(budget),
        range_from=_texts(range_from),
        objectives=listed(objectives) if isinstance(objectives, str) else _texts(objectives),
        data=_text(data),
        space=_text(space),
        scale=scale,
        fixed=None if fix is None else dict(fix),
        hr=in_text(hr),
        lr=in_text(lr),
        recipe=_text(recipe),
        rungs=_rungs(rungs, no_rungs=no_rungs),
        reduction=reduction,
        target=target,
        degradation=degradation,
        counts=str(scaling) if scaling else None,
        sampler=sampler,
        screens=_texts(screen),
        prior=None if prior is None else str(prior),
        seed=seed,
        trials=trials,
        stop_when_flat=stop_when_flat,
        jobs=jobs,
        latency_command=latency_command,
        latency_threads=latency_threads,
        storage=storage,
        plugins=None if plugins is None else tuple(map(str, plugins)),
        skip_bad=skip_bad,
    )
    check_request(request)
    return _search(request, where, Path(results), Deadline.after(duration(time), began), callback)


def _search(
    request: Request, device: torch.device, results: Path, deadline: Deadline | None, callback: Callback | None
) -> SearchRun:
    opened, images = start(request, device, results, deadline, counted(callback, "preparing"))
    with followed(callback) as follower:
        ended = work_on(
            opened,
            images,
            device,
            follower,
            follower,
            jobs=request.jobs,
            deadline=deadline,
            storage=request.storage,
        )
        if ended.ending != Ending.STOPPED:
            check_end(opened, ended)
        elif not follower.is_stopped:
            raise stop_error(by_ctrl_c=False)  # of a signal or an error; `followed` tells which
    return SearchRun(opened, ended)


def work_on(
    run: Run,
    images: Dataset,
    device: torch.device,
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    jobs: int = 1,
    deadline: Deadline | None = None,
    storage: str | None = None,
) -> Ended:
    """Work on a run until the search ends, with one worker in this process or with `jobs` processes.

    Returns why the search ended. Raises RunError if something other than the candidates is broken.
    """
    if jobs > 1:
        return run_workers(run, devices_for(device, jobs), listener, should_stop, deadline, storage)
    torch.set_num_threads(run.settings.threads)
    return Worker(run, images, device, listener).work(should_stop, deadline)


def check_end(run: Run, ended: Ended) -> None:
    """Raise RunError, with the reason of the last failed candidate, if a search ended without a result."""
    if ended.ending != Ending.ALL_FAIL and (not ended.is_final or run.candidates()):
        return
    failed = run.snapshot().given_up
    said = f" The last candidate failed: {failed[-1].reason.rstrip('.')}." if failed else ""
    if ended.ending == Ending.ALL_FAIL:
        raise RunError(f"The search gave up: {ended.words}.{said}")
    raise RunError(
        f"None of the candidates could be trained to the end.{said} A recipe with a smaller learning rate, or another "
        "space, may help."
    )


def stop_error(*, by_ctrl_c: bool) -> RunError:
    """Return the error of a stopped search, which gives the exit code of the command."""
    words = "The search was stopped; the same command continues it."
    return StoppedError(words) if by_ctrl_c else RunError(words)


def _rungs(given: str | Sequence[int] | None, *, no_rungs: bool) -> tuple[int, ...] | None:
    if no_rungs:
        if given:
            raise InputError("rungs and no_rungs exclude each other; give one of them.")
        return ()
    return rung_steps(given if given is None or isinstance(given, str) else ",".join(map(str, given)))


def _text(given: str | Path | None) -> str | None:
    return None if given is None else str(given)


def _texts(given: Texts) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)
