"""Runs of tiny networks on tiny images."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.trial import FrozenTrial, TrialState

from nas.cost import HR_SIZE
from nas.data.dataset import Dataset
from nas.search.request import Request
from nas.search.run import Run
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.ending import Ending
from nas.search.settings import Settings, parse_settings, space_fingerprint
from nas.search.start import start
from nas.search.storage.opening import open_storage
from nas.search.study import load_study
from nas.search.workers.holding import take
from nas.search.workers.worker import Worker
from nas.training.recipe import load_recipe
from nas.training.report import Report

SPACES = Path(__file__).parent / "spaces"
RECIPE = """base: brief
name: tiny
steps: {steps}
batch: 2
patch: 8
validations: 2
validation_crop: 32
precision: float32
warmup: 0.125
"""
CPU = torch.device("cpu")

Begin = Callable[..., tuple[Run, Dataset]]


@dataclass
class Listener:
    """Records the messages of workers and trainings."""

    begun: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    ended: list[str] = field(default_factory=list)

    @contextmanager
    def training(self, label: str) -> Iterator[Callable[[Report], None]]:
        self.begun.append(label)
        yield self.reports.append
        self.ended.append(label)

    def say(self, line: str) -> None:
        self.lines.append(line)


def settings(**changed: Any) -> Settings:
    """Return the settings of a search in FALSR's space, with these changes."""
    given: dict[str, Any] = {
        "run": "first",
        "space": "falsr",
        "allow": {},
        "scale": 2,
        "channels": 1,
        "objectives": ("psnr", "macs"),
        "hr_size": HR_SIZE,
        "budgets": ("300G-MACs", "900K-params"),
        "data": "night",
        "data_fingerprint": "0123456789abcdef",
        "recipe": (recipe := load_recipe("brief", torch.device("cpu"))).model_dump(),
        "rungs": (recipe.steps,),
        "sampler": "tpe",
        "trials": 16,
        "fixed": {"image_skip": True, "cell1.width": 32},
        "seed": 0,
        "threads": 2,
        "space_fingerprint": space_fingerprint("falsr"),
    }
    return parse_settings(given | changed)


def write_recipe(folder: Path, steps: int = 4) -> str:
    path = folder / f"tiny{steps}.yaml"
    path.write_text(RECIPE.format(steps=steps))
    return str(path)


def beginner(folder: Path, images: Path) -> Begin:
    """Return a function that starts or continues a run of the space `dots`; keywords change the request."""

    def begin(
        *,
        results: str = "results",
        steps: int = 4,
        space: str = "dots",
        deadline: Deadline | None = None,
        **changed: Any,
    ) -> tuple[Run, Dataset]:
        plugin = {"dots": "dots.py", "slow": "dots.py", "broken": "broken.py"}.get(space)
        request = {
            "run": "first",
            "budgets": ("300M-MACs",),
            "data": str(images),
            "space": space,
            "recipe": write_recipe(folder, steps),
            "rungs": (),
            "sampler": "random",
            "trials": 3,
            "plugins": (str(SPACES / plugin),) if plugin else None,
        } | changed
        return start(Request(**request), CPU, folder / results, deadline)

    return begin


def work(run: Run, data: Dataset, number: int = 0, stop: Callable[[], bool] = lambda: False) -> tuple[Ending, Listener]:
    """Run one worker until it ends; return why it ended and its messages."""
    listener = Listener()
    return Worker(run, data, CPU, listener, number).work(stop).ending, listener


def trials_in(run: Run, *states: TrialState) -> list[FrozenTrial]:
    return run.study.get_trials(states=states or None)


def fingerprints(trials: Sequence[FrozenTrial]) -> list[str]:
    return [trial.user_attrs["fingerprint"] for trial in trials]


def read_trials(url: str, study: str = "first") -> list[FrozenTrial]:
    """Return the trials of a study on which other processes work."""
    return load_study(open_storage(url), study).get_trials()


def check_taken_once(url: str) -> None:
    """Let four workers empty one queue at the same time: each trial must go to exactly one worker."""
    study = optuna.create_study(study_name="queue", storage=open_storage(url))
    for width in range(20):
        study.enqueue_trial({"width": width})
    gate = threading.Barrier(4)

    def take_five(_: int) -> list[int]:
        mine = load_study(open_storage(url), "queue")
        gate.wait()
        return [take(mine).number for _ in range(5)]

    with ThreadPoolExecutor(4) as pool:
        taken = [number for numbers in pool.map(take_five, range(4)) for number in numbers]
    assert sorted(taken) == list(range(20))


def start_nas(folder: Path, *arguments: object, heartbeat: int = 60) -> subprocess.Popen[str]:
    """Start `nas` in a folder, like a user in a shell."""
    # Threads that spin while they wait would slow down other processes.
    environment = os.environ | {"NAS_HEARTBEAT_SECONDS": str(heartbeat), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", "nas", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str], seconds: float = 120, code: int = 0) -> str:
    """Wait for a process and return its output; raise AssertionError unless it ended with `code`."""
    out, errors = process.communicate(timeout=seconds)
    assert process.returncode == code, errors
    assert "Traceback" not in errors, errors
    return out + errors


def wait_until(condition: Callable[[], object], *processes: subprocess.Popen[str], seconds: float = 60) -> None:
    """Wait until other processes fulfil a condition.

    Raises TimeoutError after `seconds`, and AssertionError if a process ends first.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)
