"""Code that a run brings along is executed when its user has allowed it here, by every command in the same way."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import run_nas

from .conftest import DOTS, RECIPE

pytestmark = pytest.mark.timeout(600)  # processes that load PyTorch, one after the other

Shell = Callable[..., tuple[int, str]]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a function that runs a command as a user of this name, in a process of its own."""

    def run(user: str, *arguments: object, folder: str = ".") -> tuple[int, str]:
        environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path / f"{user}'s")}
        command = [sys.executable, "-m", "nas", *map(str, arguments)]
        (tmp_path / folder).mkdir(exist_ok=True)
        done = subprocess.run(
            command, cwd=tmp_path / folder, env=environment, capture_output=True, text=True, timeout=240
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def search(images: Path, plugin: Path, *more: object) -> tuple[object, ...]:
    """Return the command of the one who sends a run."""
    (images.parent / "tiny.yaml").write_text(RECIPE)
    return (
        *("search", "--run", "first", "--space", "dots", "--plugin", plugin, "--budget", "10G-MACs", "--data", images),
        *("--recipe", images.parent / "tiny.yaml", "--no-rungs", "--sampler", "random", *more),
    )


def send(folder: Path, *command: object) -> None:
    sent = run_nas(folder, *command)
    assert sent.code == 0, sent.errors


def test_a_plugin_that_a_received_run_names_is_executed_once_it_was_allowed(
    shell: Shell, tiny_data: Path, tmp_path: Path
) -> None:
    plugin, mark = tmp_path / "my own.py", tmp_path / "executed"
    plugin.write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")
    send(tmp_path, *search(tiny_data, plugin, "--trials", 1, "--space", "fsrcnn"))
    mark.unlink()

    code, said = shell("receiver", "front", "results/first")
    assert code == 2
    assert f"The run 'first' would execute {plugin}, which was not allowed here and was not run" in said
    assert f"with --plugin '{plugin}' (its path on this machine)." in said
    assert not mark.exists()

    given = plugin.rename(tmp_path / "elsewhere.py")  # what counts is the content, not the place
    code, said = shell("receiver", "front", "results/first", "--plugin", given)
    assert code == 0, said
    given.rename(plugin)
    mark.unlink()
    assert shell("receiver", "front", "results/first")[0] == 0
    assert mark.exists()


@pytest.mark.slow
def test_a_worker_elsewhere_allows_the_plugin_where_it_lies_and_the_command_that_measures(
    shell: Shell, tiny_data: Path, tmp_path: Path
) -> None:
    here, device, mark = (tmp_path / name for name in ("here.py", "device.py", "executed"))
    here.write_bytes(DOTS.read_bytes())
    device.write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\nprint(5, 'ms')\n")
    storage, command = f"sqlite:///{tmp_path / 'team.db'}", f"{sys.executable} {device} {{model}}"
    measured = ("--objectives", "psnr,latency", "--latency-command", command)
    send(tmp_path, *search(tiny_data, here, "--storage", storage, "--trials", 1, *measured))
    there = here.rename(tmp_path / "there.py")
    mark.unlink()

    worker = ("worker", "--storage", storage, "--study", "first", "--data", tiny_data)
    code, said = shell("other", *worker, folder="elsewhere")
    assert code == 2 and f"would execute {here}, which was not allowed" in said, said
    code, said = shell("other", *worker, "--plugin", there, folder="elsewhere")
    assert code == 2 and "would execute a latency command that was not allowed here" in said, said
    assert f"--latency-command '{command}'" in said
    assert not mark.exists()
    code, said = shell("other", *worker, "--plugin", there, "--latency-command", command, folder="elsewhere")
    assert code == 0 and "This worker ends: done." in said, said


@pytest.mark.slow
def test_the_processes_of_several_jobs_inherit_what_was_given_also_where_it_can_not_be_remembered(
    shell: Shell, tiny_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "nobody's").write_text("a file, so that no folder can be made here")
    device = tmp_path / "device.py"
    device.write_text("print(5, 'ms')\n")
    measured = ("--objectives", "psnr,latency", "--latency-command", f"{sys.executable} {device} {{model}}")
    code, said = shell("nobody", *search(tiny_data, DOTS, "--trials", 2, "--jobs", 2, *measured))
    assert code == 0 and "2 of 2 candidates were tried" in said, said
    assert "must be given again next time" in said


def test_every_command_takes_a_plugin() -> None:
    from nas.cli.app import app

    for group in (app, *(info.typer_instance for info in app.registered_groups)):
        assert group is not None
        for info in group.registered_commands:
            assert info.callback is not None
            assert "plugin" in info.callback.__signature__.parameters, info.callback  # type: ignore[attr-defined]
