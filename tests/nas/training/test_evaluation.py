from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.data.dataset import Dataset
from nas.errors import InputError
from nas.metrics import Protocol, bicubic_baseline, measure
from nas.model import Model
from nas.training.evaluation import compare, evaluate
from search_spaces import Architecture

CPU = torch.device("cpu")


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def saved(name: str, scale: int = 2, *, image_skip: bool = True) -> Path:
        architecture = Architecture.published("moremnas/MoreMNAS-C", scale).replaced(image_skip=image_skip)
        torch.manual_seed(0)
        Model(architecture, architecture.build(), {}, {}).save(tmp_path / name)
        return tmp_path / name

    return saved


def test_a_model_is_measured_on_whole_images(data: Dataset, architecture: Architecture) -> None:
    network = architecture.build().eval()
    model = Model(architecture, network, {}, {})
    seen: list[tuple[int, int]] = []
    result = evaluate(model, data.validation, CPU, lambda done, total: seen.append((done, total)))
    assert result == measure(network, data.validation)
    assert seen == [(1, 2), (2, 2)]


def test_models_are_compared_with_bicubic_by_one_protocol(
    save: Callable[..., Path], data: Dataset, tiny_data: Path, tmp_path: Path
) -> None:
    folders = [save("skip"), save("plain", image_skip=False)]
    rows, protocol = compare(folders, tiny_data / "val", tmp_path / "cache", CPU)
    assert [name for name, _ in rows] == ["bicubic", *map(str, folders)]
    assert protocol == Protocol.of(data.validation)
    assert rows[0][1] == bicubic_baseline(data.validation)
    assert rows[1][1].psnr > rows[2][1].psnr  # untrained: bicubic interpolation against noise
    assert [name for name, *_ in rows[1][1].per_image] == list(data.validation.names)


def test_models_of_different_scales_are_not_compared(
    save: Callable[..., Path], tiny_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"different scales \(2, 3\); evaluate them apart"):
        compare([save("two"), save("three", 3)], tiny_data / "val", tmp_path / "cache", CPU)


def test_what_is_no_model_is_named(tiny_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model directory '.*gone'"):
        compare([tmp_path / "gone"], tiny_data / "val", tmp_path / "cache", CPU)


def test_a_colour_network_is_not_measured_on_infrared_images(tiny_data: Path, tmp_path: Path) -> None:
    architecture = Architecture.published("espcn/ESPCN", channels=3)
    Model(architecture, architecture.build(), {}, {}).save(tmp_path / "colour")
    with pytest.raises(InputError, match=r"of one channel, but .*colour takes 3; .* --to-gray"):
        compare([tmp_path / "colour"], tiny_data / "val", tmp_path / "cache", CPU)
