"""What only looks at the command line, or lists what there is, starts at once."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "optuna", "numpy", "cv2", "scipy", "sklearn", "matplotlib", "plotly", "onnx", "sqlalchemy")

CPU_SECONDS = 1.5
"""On an idle machine it is 0.3 to 0.5; loading PyTorch and Optuna takes more than 2."""


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("spaces",), ("search", "--help")])
def test_it_takes_little_time(words: tuple[str, ...], tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run([sys.executable, "-m", "nas", *words], cwd=tmp_path, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (ended.returncode, ended.stderr) == (0, "") and ended.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_SECONDS


HELP_OF_ALL = f"""
import sys
import typer
from nas.cli import main
from nas.cli.app import app

def help_of(*words):
    sys.argv = ["nas", *words]
    main()
    loaded = sorted(set(sys.modules) & set({HEAVY!r}))
    assert not loaded, (words, loaded)

def all_of(command, *words):
    help_of(*words, "--help")
    for name, other in getattr(command, "commands", {{}}).items():
        all_of(other, *words, name)

all_of(typer.main.get_command(app))
help_of("spaces")
"""


def test_no_help_and_no_list_of_spaces_loads_what_takes_seconds(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HELP_OF_ALL], cwd=tmp_path, env=os.environ, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    for line in ("nas benchmark replay", "nas search", "nas data check"):
        assert f"Usage: {line}" in ended.stdout
