"""Processes side by side: what they say is heard, a stop reaches them, and one that dies takes nothing along."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from searches import CPU, Listener
from searches import SPACES as PLUGINS

from nas.errors import InputError
from nas.parallel.listener import Listener as AnyListener
from nas.parallel.processes import run_in_turn, run_processes
from nas.training.report import Report
from search_spaces import SPACES, load_plugin

Stop = Callable[[], bool]
REPORT = Report(
    step=20,
    steps=40,
    loss=0.5,
    losses={"l1": 0.5},
    psnr=30.0,
    measured=True,
    learning_rate=1e-3,
    patches_per_second=100.0,
    seconds=2.0,
    began=0,
    sample=torch.zeros(1, 4, 4),
)


def never() -> bool:
    return False


def tell(device: torch.device, listener: AnyListener, stop: Stop) -> None:
    with listener.training("tells") as training_listener:
        training_listener(REPORT)
    listener.say(f"{device} {os.getpid()} {SPACES.get('dots').name}")


def refuse(device: torch.device, listener: AnyListener, stop: Stop) -> None:
    with listener.training("refuses"):
        raise InputError("It can't be done.")


def die(device: torch.device, listener: AnyListener, stop: Stop) -> None:
    listener.training("dies").__enter__()
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_a_stop(began: Path, ended: Path, device: torch.device, listener: AnyListener, stop: Stop) -> None:
    began.touch()
    while not stop():
        time.sleep(0.01)
    ended.touch()


def test_processes_are_heard_and_one_that_fails_or_dies_takes_nothing_along() -> None:
    load_plugin(PLUGINS / "dots.py")
    listener, meta = Listener(), torch.device("meta")
    works = {"refuses": refuse, "dies": die, "tells": tell}
    failures = run_processes(works, [CPU, meta], listener, never)
    assert failures == {"refuses": "It can't be done.", "dies": "The process was ended by SIGKILL."}
    ((place, process, _),) = [line.split() for line in listener.lines if line.endswith("dots")]
    assert place in ("cpu", "meta") and int(process) != os.getpid()
    assert {f"{name}: {failure}" for name, failure in failures.items()} <= set(listener.lines)
    assert sorted(listener.begun) == sorted(listener.ended) == ["dies", "refuses", "tells"]
    assert [(report.step, report.psnr, report.sample) for report in listener.reports] == [(20, 30.0, None)]


def test_a_stop_reaches_those_that_run_and_no_other_is_begun(tmp_path: Path) -> None:
    names = ["first", "second", "third"]
    works = {name: partial(wait_for_a_stop, tmp_path / f"{name}-began", tmp_path / name) for name in names}
    failures = run_processes(works, [CPU, CPU], Listener(), lambda: len(list(tmp_path.glob("*-began"))) == 2)
    assert {path.name for path in tmp_path.iterdir()} == {"first-began", "second-began", "first", "second"}
    assert failures == {"third": "not started"}


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path: Path) -> None:
    began, ended = tmp_path / "began", tmp_path / "ended"
    code = f"""
import sys
from functools import partial
from pathlib import Path
sys.path[:0] = {sys.path!r}
from nas.parallel.processes import run_processes
from {__name__} import CPU, Listener, never, wait_for_a_stop
if __name__ == "__main__":
    work = partial(wait_for_a_stop, Path({str(began)!r}), Path({str(ended)!r}))
    run_processes({{"one": work}}, [CPU], Listener(), never)
"""
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, str(tmp_path / "parent.py")])
    wait_for(began.exists)
    parent.kill()
    parent.wait()
    wait_for(ended.exists)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_in_turn_a_failure_does_not_end_the_others() -> None:
    load_plugin(PLUGINS / "dots.py")
    listener = Listener()
    assert run_in_turn({"refuses": refuse, "tells": tell}, CPU, listener, never) == {"refuses": "It can't be done."}
    assert listener.lines == ["refuses: It can't be done.", f"cpu {os.getpid()} dots"]


def test_in_turn_a_stop_begins_no_other() -> None:
    assert run_in_turn({"tells": tell}, CPU, Listener(), lambda: True) == {"tells": "not started"}
