"""Commands that take a degradation: by name, or a user's own as a YAML file."""

import json
from pathlib import Path

import pytest
import yaml
from tiny_images import write_tiny_data

from nas.data.images import read_image

from .conftest import SEARCH, Nas, Refused, Way

MINE = "operations:\n  - blur: {sigma: [0.5, 1]}\n  - resize:\n  - gaussian-noise: {level: [1, 4]}\n"


def test_what_a_degradation_does_is_drawn(way: Way) -> None:
    (way.folder / "mine.yaml").write_text(MINE)
    assert way.nas("data", "preview", "night/val", "--degradation", "mine.yaml", "--to", "mine.png").out == (
        "Wrote mine.png\n"
    )
    assert read_image(way.folder / "mine.png").shape[1] > 1500
    way.nas("data", "preview", "night", "--degradation", "bsrgan", "--scale", 4, "--count", 1)
    assert (way.folder / "preview.png").is_file()


def test_a_network_is_trained_on_ones_own_degradation_and_measured_on_it_anywhere(
    nas: Nas, tmp_path: Path, infrared: Path
) -> None:
    write_tiny_data(infrared, tmp_path / "night")
    (tmp_path / "mine.yaml").write_text(MINE)
    train = ("train", "ecbsr/M4C8", "--recipe", "tiny.yaml", "--data", "night", "--degradation", "mine.yaml")
    assert nas(*train).code == 0
    (tmp_path / "mine.yaml").unlink()
    model = tmp_path / "results" / "trained" / "ecbsr-M4C8"
    recipe = yaml.safe_load((model / "recipe.yaml").read_text())
    assert recipe["degradation"] == {"name": "mine", **yaml.safe_load(MINE)}
    evaluate = ("evaluate", model, "--data", "night/val", "--json")
    assert json.loads(nas(*evaluate).out)["protocol"]["degradation"].startswith("mine-")
    assert json.loads(nas(*evaluate, "--degradation", "bsrgan").out)["protocol"]["degradation"] == "bsrgan"


@pytest.mark.parametrize(
    "command",
    [
        ("train", "ecbsr/M4C8", "--recipe", "tiny.yaml"),
        SEARCH,
        ("data", "preview", "night"),
    ],
)
def test_a_wrong_degradation_is_named(command: tuple[str, ...], refused: Refused, tmp_path: Path) -> None:
    said = "There is no degradation named 'bsrgn'; did you mean 'bsrgan'?"
    assert refused(*command, "--degradation", "bsrgn") == said
    (tmp_path / "mine.yaml").write_text(MINE.replace("level", "levle"))
    said = "mine.yaml: There is no field of 'gaussian-noise' named 'levle'; did you mean 'level'?"
    assert refused(*command, "--degradation", "mine.yaml") == said
