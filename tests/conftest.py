"""Fixtures that give tests real infrared images."""

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from rotating import TENTHS, tenth
from tiny_images import write_tiny_data

# For the processes that tests start: threads that spin while they wait would slow down the other processes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Tests allow plugins to run. These permissions go to a temporary folder, not to the user's own settings.
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="nas-settings-")

from nas.data.images import read_image, write_image
from nas.data.synthetic import scene
from search_spaces import SPACES, load_plugin

# Tests send signals. In the background or under nohup, pytest and its child processes would ignore some of them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["XDG_CONFIG_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest tests first (those with their own timeout), so that no long test is left for the end."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of the slow cases that this run included."""
    turn = tenth()
    line = f"This run had tenth {turn} of the slow cases (0..{TENTHS - 1}); NAS_TENTH={turn} runs the same tenth again."
    terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def infrared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `train` and `val`: NAS_TEST_DATA, else `../shared/infrared`, else synthetic scenes."""
    given = os.environ.get("NAS_TEST_DATA")
    beside = Path(__file__).resolve().parents[2] / "shared" / "infrared"
    if given or beside.is_dir():
        return Path(given or beside)
    warnings.warn("no infrared images (NAS_TEST_DATA is not set): tests use synthetic scenes instead", stacklevel=1)
    folder = tmp_path_factory.mktemp("infrared")
    for index in range(8):
        part = folder / ("train" if index < 6 else "val")
        part.mkdir(exist_ok=True)
        write_image(part / f"scene{index}.png", scene(index))
    return folder


@pytest.fixture
def tiny_data(infrared: Path, tmp_path: Path) -> Path:
    """Return a folder of four training and two validation images, 96 x 80 crops of real images as 8-bit PNG."""
    return write_tiny_data(infrared, tmp_path / "tiny")


@pytest.fixture
def tiny_data16(tiny_data: Path, tmp_path: Path) -> Path:
    """Return a folder like `tiny_data` with 16 bits: crops of `../shared/infrared16`, else scenes as counts."""
    folder = tmp_path / "tiny16"
    real = sorted((Path(__file__).resolve().parents[2] / "shared/infrared16").glob("*.png"))
    for index, file in enumerate(sorted(tiny_data.rglob("*.png"))):
        counts = read_image(file).astype(np.uint16) * 8 + 14_000
        if real:
            counts = read_image(real[index % len(real)])[40 + 60 * index :][:80, 30 : 30 + 96]
        counts[7, 5] = 2  # a dead pixel
        target = folder / file.relative_to(tiny_data)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_image(target, counts)
    return folder


@pytest.fixture(scope="module")
def shared_tiny_data(infrared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return one folder like `tiny_data` for all tests of a file; they must not change it."""
    return write_tiny_data(infrared, tmp_path_factory.mktemp("shared") / "tiny")


@pytest.fixture
def few_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide all but six spaces: counting the published networks of all spaces takes seconds."""
    load_plugin(Path(__file__).parent / "spaces" / "dots.py")
    few = {name: SPACES.get(name) for name in ("dots", "slow", "ecbsr", "falsr", "fsrcnn", "hybrid")}
    monkeypatch.setattr(SPACES, "_members", few)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
