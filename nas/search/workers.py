"""Several workers of one search on this machine."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from nas.errors import RunError
from nas.search.audience import Audience
from nas.search.pool import Stop, Work, run_processes
from nas.search.run import Run, open_run, open_run_data
from nas.search.worker import Worker


def run_workers(
    run: Run,
    devices: Sequence[torch.device],
    audience: Audience,
    should_stop: Callable[[], bool],
    seconds: float | None = None,
    storage: str | None = None,
) -> str:
    """Let a worker process a device work on `run` until all have ended, and return in a few words why they did.

    A stop is passed on to them.
    Raises RunError when every one of them failed.
    """
    works: dict[str, Work] = {
        f"worker {number}": partial(_work, run.folder, storage, number, seconds) for number in range(len(devices))
    }
    failures = run_processes(works, devices, audience, should_stop)
    if len(failures) == len(works) and not should_stop():
        raise RunError(f"All {len(works)} workers failed; what they said stands above.")
    if len(run.candidates()) >= run.settings.trials:
        return "done"
    if should_stop():
        return "stopped"
    return "time is up" if seconds is not None else "the workers have ended, as they say above"


def _work(
    folder: Path,
    storage: str | None,
    number: int,
    seconds: float | None,
    device: torch.device,
    audience: Audience,
    should_stop: Stop,
) -> None:
    run = open_run(str(folder), storage)
    torch.set_num_threads(run.settings.threads)
    reason = Worker(run, open_run_data(run), device, audience, number).work(should_stop, seconds)
    audience.say(f"Worker {number} ends: {reason}.")
