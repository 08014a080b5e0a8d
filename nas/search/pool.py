"""Several workers on this machine: one process each, so that one that dies takes nothing with it."""

import subprocess
import sys
import time
from collections.abc import Callable

from nas.errors import RunError
from nas.search.run import Run


def run_workers(
    run: Run,
    jobs: int,
    device: str,
    should_stop: Callable[[], bool],
    seconds: float | None = None,
    storage: str | None = None,
) -> str:
    """Start `jobs` worker processes, wait until all have ended, and return in a few words why they did.

    A stop is passed on to them.
    Raises RunError when every one of them failed.
    """
    command = [sys.executable, "-m", "nas", "worker", str(run.folder), "--device", device]
    command += ["--time", f"{seconds:.0f}s"] if seconds is not None else []
    command += ["--storage", storage] if storage else []
    workers = [subprocess.Popen([*command, "--number", str(i)]) for i in range(jobs)]
    told = False
    while any(worker.poll() is None for worker in workers):
        if should_stop() and not told:
            told = True
            for worker in workers:
                worker.terminate()
        time.sleep(0.2)
    if all(worker.returncode for worker in workers) and not should_stop():
        raise RunError(f"All {jobs} workers failed; what they said stands above.")
    if len(run.candidates()) >= run.settings.trials:
        return "done"
    if should_stop():
        return "stopped"
    return "time is up" if seconds is not None else "the workers have ended, as they say above"
