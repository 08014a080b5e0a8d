"""Images of other types than 8 and 16 bits, stacks and headerless files, from the folder to the upscaled file."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml

from nas.data.images import read_image
from nas.data.synthetic import scene

from .conftest import SEARCH, SHALLOW, Nas, Refused

# Of such a file is a test: as tifffile writes it by default.
pytestmark = pytest.mark.filterwarnings("ignore:.*are stored as RGB with separate:DeprecationWarning")
FRAMES = np.stack([scene(number, 80, 96).astype(np.uint16) * 9 + 28_000 for number in range(6)])


@pytest.fixture
def kelvin(tmp_path: Path, tiny_data16: Path) -> Path:
    """The counts of `tiny_data16` as float32 TIFFs in kelvin, 0.01 K a count."""
    for file in sorted(tiny_data16.rglob("*.png")):
        target = tmp_path / "kelvin" / file.relative_to(tiny_data16).with_suffix(".tif")
        target.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(target, (read_image(file) * 0.01).astype(np.float32))
    return tmp_path / "kelvin"


def test_every_frame_of_a_folder_is_counted(nas: Nas, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    tifffile.imwrite(folder / "pages.tif", FRAMES, photometric="minisblack")
    tifffile.imwrite(folder / "stack.tif", FRAMES[:4] + 1)  # as planes of a colour image
    np.save(folder / "a.npy", FRAMES[0] + 2)
    (FRAMES + 3).tofile(folder / "b.raw")
    tifffile.imwrite(folder / "k.tif", ((FRAMES[0] + 4) * 0.01).astype(np.float32))
    first = json.loads(nas("data", "check", "frames", "--json").out)
    assert sum(part["count"] for part in first["parts"].values()) == 6 + 4 + 1
    told = json.dumps(first)
    assert "has no header: write 'raw: {width: 640, height: 512, type: uint16}'" in told
    assert "holds float32 values, which need a scale" in told
    (folder / "images.yaml").write_text("raw: {width: 96, height: 80, type: uint16}\n")
    outcome = nas("data", "check", "frames", "--counts", "0.01", "--json")
    checked = json.loads(outcome.out)
    assert outcome.code == 0 and checked["is_clean"]
    assert sum(part["count"] for part in checked["parts"].values()) == 6 + 4 + 1 + 6 + 1
    assert not any(part["coloured"] for part in checked["parts"].values())


def test_a_scale_that_was_given_once_is_kept_by_the_model(nas: Nas, kelvin: Path) -> None:
    train = ("train", "ecbsr/M4C8", "--recipe", "tiny.yaml", "--data", "kelvin")
    assert "need a scale to become counts" in nas(*train).error
    assert nas(*train, "--counts", "0.01,0").code == 0
    model = kelvin.parent / "results" / "trained" / "ecbsr-M4C8"
    assert yaml.safe_load((model / "recipe.yaml").read_text())["counts"] == {"scale": 0.01, "offset": 0.0}
    evaluation = nas("evaluate", model, "--data", "kelvin/val", "--json")
    assert evaluation.code == 0, evaluation.errors
    assert nas("upscale", model, "kelvin/val", "out").code == 0
    source, written = (sorted(folder.glob("*.tif")) for folder in (kelvin / "val", kelvin.parent / "out"))
    assert [file.name for file in written] == [file.name for file in source]
    small, large = tifffile.imread(source[0]), tifffile.imread(written[0])
    assert (large.dtype, large.shape) == (np.float32, (2 * small.shape[0], 2 * small.shape[1]))
    assert abs(np.median(large) - np.median(small)) < 2  # kelvin


def test_a_scale_beside_the_images_is_remembered_by_a_search(nas: Nas, kelvin: Path) -> None:
    (kelvin / "images.yaml").write_text("counts: {scale: 0.01}\n")
    search = (*SEARCH, "--no-rungs", "--run", "warm", *SHALLOW, "--data", "kelvin")
    assert nas(*search).code == 0
    settings = yaml.safe_load((kelvin.parent / "results" / "warm" / "search.yaml").read_text())
    assert settings["recipe"]["counts"] == {"scale": 0.01, "offset": 0.0}
    (kelvin / "images.yaml").unlink()
    outcome = nas("search", "--run", "warm")
    assert outcome.code == 0 and "1 of 1 candidates were tried" in outcome.errors
    trained = nas("train", "warm", "--top", 1, "--recipe", "tiny.yaml")
    assert trained.code == 0, trained.errors


@pytest.mark.parametrize(
    "command",
    [
        SEARCH,
        ("train", "ecbsr/M4C8", "--recipe", "tiny.yaml"),
        ("evaluate", "bicubic", "--data", "."),
        ("data", "check", "."),
    ],
)
def test_a_scale_that_is_none_is_refused(command: tuple[str, ...], refused: Refused) -> None:
    said = "--counts 0.01;0 is not a scale and offset; write --counts 0.01,0 for value = 0 + 0.01 x count."
    assert refused(*command, "--counts", "0.01;0") == said


def test_a_scale_that_no_image_needs_is_told(nas: Nas, tiny_data16: Path) -> None:
    said = "Note: the scale of counts (0.01,0) changes nothing: all images are of 8 or 16 bits\n"
    for command in (("data", "check", tiny_data16), ("evaluate", "bicubic", "--data", tiny_data16)):
        assert said in nas(*command, "--counts", "0.01").errors
