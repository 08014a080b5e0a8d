"""A search from Python: it tells what happens, stops when it is asked to, and leaves the process as it was."""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

import nas
import nas.api.searching
from nas.cli import runs
from nas.cli.plugins import with_plugins
from nas.search.request import options

ROOT = Path(nas.__file__).parents[1]
Search = Callable[..., nas.SearchRun]


@pytest.fixture
def search(here: Path) -> Search:
    return partial(
        nas.api.searching.search,
        "300M-MACs",
        data="images",
        space="dots",
        recipe="tiny.yaml",
        no_rungs=True,
        sampler="random",
        plugin="dots.py",
        trials=2,
        run="night",
    )


def state() -> tuple[Any, ...]:
    """Return what a call could leave behind."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    verbosity = optuna.logging.get_verbosity()
    return torch.get_num_threads(), handlers, list(warnings.filters), warnings.showwarning, verbosity, dict(os.environ)


def test_a_search_takes_what_the_command_takes() -> None:
    flags = {name: option.flag.lstrip("-") for name, option in options().items() if option.flag}
    del flags["range_from"], flags["target"]  # `from` and `for` are keywords of Python
    command = {flags.get(name, name) for name in inspect.signature(with_plugins(runs.search)).parameters} - {"context"}
    function = {*inspect.signature(nas.api.searching.search).parameters} - {"results", "callback"}
    assert function == command


def test_it_tells_what_happens(search: Search, capfd: pytest.CaptureFixture[str]) -> None:
    events: list[nas.Event] = []
    run = search(callback=events.append)
    assert run.ended == "done"
    assert run.status == nas.RunStatus(wanted=2, tried=2, trained=2, paused=0, running=0, given_up=0)
    kinds = [event.kind for event in events]
    assert kinds[0] == "counting"
    assert {*kinds} == {"counting", "training", "note"}
    last = [event for event in events if event.kind == "training"][-1]
    assert (last.done, last.total) == (4, 4)
    assert last.loss is not None
    assert last.psnr is not None
    assert capfd.readouterr() == ("", "")


def test_the_printing_callback_says_a_line_a_network(search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    search(callback=nas.print_events)
    lines = capsys.readouterr().out.splitlines()
    assert sum("step 4 of 4" in line for line in lines) == 2


def test_the_process_is_as_before(search: Search) -> None:
    before = state()
    search()
    with pytest.raises(nas.InputError):
        search(sampler="guess")
    assert state() == before


def test_the_same_call_continues(search: Search) -> None:
    first = search(trials=1)
    again = search(trials=3)
    assert again.candidates()[: len(first.candidates())] == first.candidates()
    assert again.status.trained == 3


def test_a_callback_stops_a_search_and_the_same_call_continues(search: Search) -> None:
    run = search(callback=lambda event: nas.STOP if event.kind == "training" else None)
    assert run.ended == "stopped"
    assert run.status.trained < 2
    assert search().ended == "done"


def test_a_callback_that_answers_stop_while_images_are_read_ends_the_call(search: Search, here: Path) -> None:
    with pytest.raises(nas.StoppedError):
        search(callback=lambda event: nas.STOP)
    assert not (here / "results" / "night" / "search.yaml").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("of the user's own code")])
def test_what_a_callback_raises_is_raised_when_all_is_saved(search: Search, error: BaseException) -> None:
    def raising(event: nas.Event) -> None:
        if event.kind == "training" and event.done:
            raise error

    before = state()
    with pytest.raises(type(error)):
        search(callback=raising)
    assert state() == before
    run = nas.open("night")
    assert run.status.given_up == 0  # it is no fault of the network
    assert search().ended == "done"


@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, nas.RunError)])
def test_a_signal_saves_and_ends_the_call(search: Search, number: signal.Signals, error: type[BaseException]) -> None:
    told: list[nas.Event] = []

    def signalling(event: nas.Event) -> None:
        if event.kind == "training" and not told:
            told.append(event)
            os.kill(os.getpid(), number)

    with pytest.raises(error, match="stopped"):
        search(callback=signalling)
    assert nas.open("night").status.trained < 2
    assert search().ended == "done"


def test_it_works_in_another_thread(search: Search) -> None:
    before = state()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(search).result().ended == "done"
    assert state() == before


def test_it_works_where_a_loop_is_running(search: Search) -> None:
    async def cell() -> nas.SearchRun:
        return search()

    assert asyncio.run(cell()).ended == "done"


@pytest.mark.slow
def test_a_stop_reaches_all_processes_that_another_thread_has_started(search: Search) -> None:
    lines: list[str] = []
    before = threading.active_count()

    def stopping(event: nas.Event) -> object:
        lines.append(str(event))
        return nas.STOP if event.kind == "training" else None

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(search, space="slow", jobs=2, trials=6, callback=stopping).result()
    assert run.ended == "stopped"
    assert run.status.trained < 6
    assert sum(line.startswith("Worker ") for line in lines) == 2
    assert threading.active_count() <= before


@pytest.mark.slow
def test_a_script_needs_no_guard_for_several_processes(here: Path) -> None:
    script = """
import nas
print("begins")
run = nas.search("300M-MACs", data="images", space="dots", recipe="tiny.yaml", trials=2, plugin="dots.py", jobs=2)
print(run.ended)
"""
    (here / "script.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "script.py"], cwd=here, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.returncode) == ("begins\ndone\n", 0), ended.stderr
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"budget": "lots"}, "'lots'"),
        ({"space": "hybird"}, "hybird"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1 and at most 1024, not 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0 and at most 2147483647, not -1"),
        ({"rungs": (2, 2), "no_rungs": False}, "must be increasing numbers of steps"),
        ({"rungs": (2, 4)}, "rungs and no_rungs exclude each other"),
        ({"time": "soon"}, "'soon' is not a time"),
        ({"time": float("nan")}, "nan is not a time"),
        ({"data": "nowhere"}, "nowhere"),
        ({"objectives": "psnr"}, "psnr"),
        ({"device": "abacus"}, "abacus"),
        ({"run": "a/b"}, "a/b"),
        ({"counts": (0, 0)}, "0,0"),
    ],
)
def test_what_is_wrong_is_an_input_error(search: Search, here: Path, wrong: dict[str, Any], sentence: str) -> None:
    given = dict(wrong)
    budget = given.pop("budget", "300M-MACs")
    with pytest.raises(nas.InputError, match=sentence):
        search.func(budget, **{**search.keywords, **given})  # type: ignore[attr-defined]
    assert not (here / "results" / "night").exists()


def test_runs_lie_where_the_call_says(search: Search, tmp_path: Path) -> None:
    run = search(results=tmp_path / "elsewhere")
    assert run.folder == tmp_path / "elsewhere" / "night"
    assert nas.open("night", results=tmp_path / "elsewhere").status.trained == 2
    with pytest.raises(nas.InputError, match="There is no run 'night'"):
        nas.open("night")


def test_a_search_whose_candidates_all_fail_says_why(search: Search, here: Path) -> None:
    plugin = ROOT / "tests" / "spaces" / "broken.py"
    with pytest.raises(nas.RunError, match=r"10 candidates in a row failed\. The last candidate failed: .*frobnicator"):
        search(space="broken", plugin=plugin, trials=20, fix={"how": "raises"})
