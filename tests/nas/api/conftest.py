"""A folder as a user of the Python API has it: images, a run, a trained model."""

import shutil
from pathlib import Path

import pytest
import torch
from searches import SPACES as PLUGINS
from searches import write_recipe
from tiny_images import write_tiny_data

import nas
from nas.model import Model
from nas.training.recipe import load_recipe
from search_spaces import Architecture


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory, infrared: Path) -> Path:
    """The folder, for all tests; each works in a copy of it."""
    folder = tmp_path_factory.mktemp("begun")
    write_tiny_data(infrared, folder / "images")
    Path(write_recipe(folder)).rename(folder / "tiny.yaml")
    shutil.copy(PLUGINS / "dots.py", folder)
    shutil.copy(min((folder / "images" / "val").iterdir()), folder / "some.png")
    architecture = Architecture.published("espcn/ESPCN").replaced(image_skip=True)
    torch.manual_seed(0)
    recipe = load_recipe("brief", torch.device("cpu")).model_dump(mode="json")
    Model(architecture, architecture.build(), recipe, {"psnr": 33.25}).save(folder / "camera")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        nas.search(
            "300M-MACs",
            data="images",
            space="dots",
            run="first",
            recipe="tiny.yaml",
            trials=3,
            no_rungs=True,
            sampler="random",
            plugin="dots.py",
        )
    return folder


@pytest.fixture
def here(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder, which is the working directory."""
    folder = tmp_path / "here"
    shutil.copytree(begun, folder)
    monkeypatch.chdir(folder)
    return folder
