"""The command line as a user meets it: a folder where command follows command, and empty ones for what is refused."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Outcome, run_nas
from tiny_images import write_tiny_data

DOTS = Path(__file__).parents[2] / "spaces" / "dots.py"
BROKEN = DOTS.with_name("broken.py")
RECIPE = """base: brief
name: tiny
steps: 4
batch: 2
patch: 8
validations: 2
validation_crop: 32
precision: float32
"""
SHALLOW = [part for cell in range(1, 8) for part in ("--fix", f"cell{cell}.repeats_log2=0")]
"""Fewer layers, so that the real space trains in a moment."""


class Way:
    """A folder in which one command after the other is given, each building on those before."""

    def __init__(self, folder: Path, infrared: Path) -> None:
        self.folder = folder
        write_tiny_data(infrared, folder / "night")
        (folder / "tiny.yaml").write_text(RECIPE)
        self.search = self.nas(
            *("search", "--run", "first", "--budget", "8G-MACs", "--space", "moremnas", "--data", "night"),
            *("--recipe", "tiny.yaml", "--no-rungs", "--trials", 3, "--seed", 1, *SHALLOW),
        )
        self.train = self.nas("train", "first", "--top", 2, "--recipe", "tiny.yaml", "--steps", 10)
        self.trained = sorted(path for path in (folder / "results" / "first" / "trained").iterdir() if path.is_dir())
        self.export = self.nas("export", self.trained[0], "--to", "exported")

    def nas(self, *arguments: object) -> Outcome:
        outcome = run_nas(self.folder, *arguments)
        assert outcome.code == 0, outcome.errors
        return outcome


@pytest.fixture(scope="package")
def way(tmp_path_factory: pytest.TempPathFactory, infrared: Path) -> Way:
    return Way(tmp_path_factory.mktemp("way"), infrared)


def truncate(image: Path) -> None:
    image.write_bytes(image.read_bytes()[:300])


Nas = Callable[..., Outcome]


@pytest.fixture
def nas(tmp_path: Path) -> Iterator[Nas]:
    """Return a function that runs a command in an empty folder; afterwards no run may have appeared there."""
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    yield lambda *arguments: run_nas(tmp_path, *arguments)


@pytest.fixture
def refused(nas: Nas, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a command, sees it refused with code 2 and nothing written, and returns why."""

    def refused(*arguments: object) -> str:
        outcome = nas(*arguments)
        assert outcome.code == 2, outcome
        assert runs(tmp_path) == []
        return outcome.error

    return refused


def runs(folder: Path) -> list[str]:
    """Return whatever lies in `results` beside the decoded images."""
    results = folder / "results"
    return sorted(path.name for path in results.iterdir() if path.name != "cache") if results.is_dir() else []


Refused = Callable[..., str]


SEARCH = ("search", "--budget", "8G-MACs", "--space", "moremnas", "--recipe", "tiny.yaml", "--trials", 1)
