from pathlib import Path

import pytest
import torch

from nas.data.dataset import open_dataset
from nas.metrics import measure
from nas.training.divergence import TrainingDivergedError
from nas.training.recipe import Recipe
from nas.training.task import BriefTask
from nas.training.trainer import seed_all
from proxies import PROXIES
from search_spaces import SPACES, Architecture

ARCHITECTURE = Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True})


def make_task(tiny_data: Path, cache: Path, **fields: object) -> BriefTask:
    torch.set_num_threads(1)
    values = {"name": "tiny", "steps": 20, "batch": 2, "patch": 12, "learning_rate": 1e-3, "precision": "float32"}
    data = open_dataset(tiny_data, scale=2, cache=cache, min_lr_side=12)
    return BriefTask(data, Recipe.model_validate({**values, **fields}), seed=3, device=torch.device("cpu"))


def test_the_score_is_the_psnr_of_the_network_it_trained(tiny_data: Path, tmp_path: Path) -> None:
    task = make_task(tiny_data, tmp_path, validations=2)
    seed_all(0)
    network = ARCHITECTURE.build()
    before = network.network.last.weight.clone()
    score = PROXIES.get("brief").score(network, task)
    assert not torch.equal(network.network.last.weight, before)
    assert score.unit == "dB"
    assert score.value == pytest.approx(measure(network, task.data.validation).psnr, abs=1e-3)
    assert score.value == score.curve[-1]["psnr"]
    assert [entry["step"] for entry in score.curve] == [10, 20]


def test_it_says_what_it_cost(tiny_data: Path, tmp_path: Path) -> None:
    score = PROXIES.get("brief").score(ARCHITECTURE.build(), make_task(tiny_data, tmp_path))
    assert score.metrics["steps"] == 20
    assert score.metrics["train_seconds"] > 0
    assert score.metrics["validation_seconds"] > 0
    assert 0 < score.metrics["ssim"] <= 1


def test_a_candidate_that_diverges_has_no_score(tiny_data: Path, tmp_path: Path) -> None:
    network = ARCHITECTURE.build()
    torch.nn.init.constant_(network.network.last.bias, float("inf"))
    with pytest.raises(TrainingDivergedError, match="The loss became"):
        PROXIES.get("brief").score(network, make_task(tiny_data, tmp_path))
