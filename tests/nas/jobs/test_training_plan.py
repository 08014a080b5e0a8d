"""The plan of `nas train`: which networks, and what it refuses before any work."""

import json
from pathlib import Path

import pytest
import torch
from searches import CPU, write_recipe
from torch import nn

from nas.cost import HR_SIZE, Cost
from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.jobs.training_plan import Asked, Job, plan_training
from nas.model import WEIGHTS, Model
from nas.training.recipe import load_recipe
from search_spaces import SPACES, Architecture


def smallest(*, scale: int = 2, channels: int = 1) -> Architecture:
    return Architecture("espcn", scale, channels, SPACES.get("espcn").smallest)


def plan(tmp_path: Path, *wanted: str | Asked, data: Path | None = None) -> Job:
    recipe = write_recipe(tmp_path)
    images = str(data) if data else None
    return plan_training(wanted, CPU, top=1, recipe=recipe, data=images, results=tmp_path / "results")


def trained(job: Job, name: str, psnr: float) -> tuple[str, Model, Cost]:
    """Return a model whose weights lie in the folder of a job, as after its training."""
    (job.folder / name).mkdir(parents=True)
    (job.folder / name / WEIGHTS).touch()
    model = Model(smallest(), nn.Identity(), {}, {"psnr": psnr})
    return (
        str(job.folder / name),
        model,
        Cost(macs=10, params=2, activations=5, convs=1, peak_memory=9, hr_size=HR_SIZE),
    )


def test_networks_of_different_scales_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"different scales \(2, 3\); train them in separate commands"):
        plan(tmp_path, Asked("a", smallest()), Asked("b", smallest(scale=3)))


def test_a_network_of_colours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Images have one channel, but a takes 3"):
        plan(tmp_path, Asked("a", smallest(channels=3)))


def test_a_network_that_is_asked_for_twice_is_trained_once(tmp_path: Path, tiny_data: Path) -> None:
    job = plan(tmp_path, Asked("a", smallest()), Asked("a", smallest()), data=tiny_data)
    assert job.architectures == {"a": smallest()}
    assert job.folder == tmp_path / "results" / "trained" and job.recipe.steps == 4 and job.notes == ()


def test_a_model_directory_is_trained_from_its_weights_under_another_name(tmp_path: Path, tiny_data: Path) -> None:
    imported = {"imported_from": {"file": "net.pth"}}
    Model(smallest(), smallest().build(), imported, {}).save(tmp_path / "camera")
    job = plan(tmp_path, str(tmp_path / "camera"), data=tiny_data)
    assert job.starts == {"camera-tuned": tmp_path / "camera"}


def test_a_summary_keeps_the_other_models_of_the_folder(tmp_path: Path, data: Dataset) -> None:
    job = Job(tmp_path / "trained", {}, data, load_recipe("brief", torch.device("cpu")))
    first = trained(job, "first", 30.0)
    job.write_summary([first])
    gone = trained(job, "gone", 31.0)
    job.write_summary([gone])
    (job.folder / "gone" / WEIGHTS).unlink()
    rows = json.loads(job.write_summary([trained(job, "second", 32.0)]).read_text())
    assert [(Path(row["model"]).name, row["psnr"]) for row in rows] == [("first", 30.0), ("second", 32.0)]
