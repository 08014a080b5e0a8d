"""Fixtures that give tests real infrared images."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# For the processes that tests start: threads that wait by spinning would hold up the others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from nas.data.images import read_image, write_image
from nas.data.layout import list_parts
from nas.data.synthetic import scene


@pytest.fixture(scope="session")
def infrared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train` and `val`: NAS_TEST_DATA, else `../shared/infrared`, else synthetic scenes."""
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
    """Four training and two validation images, 96 x 80 crops of real ones as 8-bit PNG."""
    return write_tiny_data(infrared, tmp_path / "tiny")


def write_tiny_data(infrared: Path, folder: Path) -> Path:
    for part, listing, count in zip(("train", "val"), list_parts(infrared, 2, "bicubic"), (4, 2), strict=True):
        (folder / part).mkdir(parents=True)
        for source in listing.sources[:count]:
            write_image(folder / part / f"{source.hr.stem}.png", read_image(source.hr)[100:180, 100:196])
    return folder


@pytest.fixture(scope="module")
def shared_tiny_data(infrared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images for all tests of a file, which leave them as they are."""
    return write_tiny_data(infrared, tmp_path_factory.mktemp("shared") / "tiny")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
