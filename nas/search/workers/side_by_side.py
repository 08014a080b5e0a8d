"""Several workers of one search on this machine."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from nas.errors import RunError
from nas.parallel.listener import Listener
from nas.parallel.processes import Stop, Work, run_processes
from nas.search.run import Run, open_run, open_run_data
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.ending import Ended, Ending, joint
from nas.search.workers.worker import Worker


def run_workers(
    run: Run,
    devices: Sequence[torch.device],
    listener: Listener,
    should_stop: Callable[[], bool],
    deadline: Deadline | None = None,
    storage: str | None = None,
) -> Ended:
    """Run one worker process for each of `devices` until all have ended, and return why the search ended.

    A stop is passed on to the workers, and a killed worker is replaced.
    Raises RunError if no worker returned an ending: each failed, or was killed repeatedly.
    """
    count = len(devices)
    works: dict[str, Work] = {
        f"worker {number}": partial(_work, run.folder, storage, number, count, deadline) for number in range(count)
    }
    endings: dict[str, Ended] = {}
    failures = run_processes(works, devices, listener, should_stop, replaces_killed=True, on_result=endings.__setitem__)
    if ended := joint(endings.values()):
        return ended
    if should_stop():
        return Ended(Ending.STOPPED, "stopped")
    reasons = dict.fromkeys(failures.values())
    raise RunError(f"All {count} workers failed: {' '.join(reasons)}")


def _work(
    folder: Path,
    storage: str | None,
    number: int,
    count: int,
    deadline: Deadline | None,
    device: torch.device,
    listener: Listener,
    should_stop: Stop,
) -> Ended:
    run = open_run(str(folder), storage)
    torch.set_num_threads(run.settings.threads)
    ended = Worker(run, open_run_data(run), device, listener, number, count).work(should_stop, deadline)
    listener.say(f"Worker {number} ends: {ended.words}.")
    return ended
