"""The folder of a training is never that of another training."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from nas.data.dataset import Dataset
from nas.errors import RunError
from nas.jobs.places import TRAINING, Place, Training, claim, place
from nas.model import WEIGHTS
from nas.training.recipe import Recipe
from search_spaces import SPACES, Architecture


@dataclass(frozen=True)
class Named:
    """As much of a recipe, or of images, as a place depends on."""

    name: str
    steps: int = 2


@pytest.fixture(autouse=True)
def identities(monkeypatch: pytest.MonkeyPatch) -> None:
    def identity(architecture: Architecture, data: Any, recipe: Any, *, start: Path | None) -> dict[str, str]:
        return {"a": architecture.fingerprint, "data": data.name, "recipe": recipe.name, "start": str(start)}

    monkeypatch.setattr("nas.jobs.places.identity", identity)
    monkeypatch.setattr("nas.jobs.places.is_finished", lambda *_args, **_kwargs: False)


def training(*, scale: int = 2, images: str = "night", recipe: str = "full") -> Training:
    architecture = Architecture("espcn", scale, 1, SPACES.get("espcn").smallest)
    return Training(architecture, cast(Dataset, Named(images)), cast(Recipe, Named(recipe)))


def test_the_first_training_has_the_plain_name(tmp_path: Path) -> None:
    assert place(tmp_path, "espcn-ESPCN", training(), {}) == Place("espcn-ESPCN")


def test_the_same_training_finds_its_folder_again(tmp_path: Path) -> None:
    claim(tmp_path / "espcn-ESPCN-2", training())
    assert place(tmp_path, "espcn-ESPCN", training(), {}).name == "espcn-ESPCN-2"


def test_another_training_gets_another_folder_and_a_note_says_why(tmp_path: Path) -> None:
    claim(tmp_path / "net", training())
    found = place(tmp_path, "net", training(images="day"), {})
    assert found.name == "net-2"
    assert "another training (images night)" in found.note and found.note.endswith(f"goes to {tmp_path / 'net-2'}.")


def test_another_scale_is_part_of_the_name(tmp_path: Path) -> None:
    claim(tmp_path / "net", training())
    assert place(tmp_path, "net", training(scale=3), {}).name == "net-x3"


def test_a_folder_with_weights_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / WEIGHTS).touch()
    assert place(tmp_path, "net", training(), {}).name == "net-2"


def test_trainings_of_one_command_share_a_folder_only_if_they_are_the_same(tmp_path: Path) -> None:
    taken = {"net": training()}
    assert place(tmp_path, "net", training(), taken).name == "net"
    assert place(tmp_path, "net", training(recipe="sharp"), taken) == Place("net-2")


def test_a_claim_is_kept_against_other_trainings(tmp_path: Path) -> None:
    claim(tmp_path / "net", training())
    claim(tmp_path / "net", training())
    with pytest.raises(RunError, match="was taken by another training just now"):
        claim(tmp_path / "net", training(recipe="sharp"))
    assert json.loads((tmp_path / "net" / TRAINING).read_text())["recipe"] == "full"
