import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from nas.data.normalisation import TYPE, Normalisation
from nas.errors import InputError
from nas.model import IMPORTED, Model
from nas.training.teacher import find_teacher, load_teacher
from search_spaces import Architecture

CPU = torch.device("cpu")
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Return a function that writes an untrained network as a model directory; the current folder is an empty one."""
    monkeypatch.chdir(tmp_path)

    def saved(folder: str = "teacher", *, scale: int = 2, channels: int = 1, **recipe: object) -> Path:
        torch.manual_seed(1)
        architecture = Architecture.published("ecbsr/M4C8", scale=scale, channels=channels)
        Model(architecture, architecture.build(), recipe, {}).save(Path(folder))
        return Path(folder)

    return saved


def image() -> Tensor:
    return torch.rand(2, 1, 12, 16, generator=torch.Generator().manual_seed(0))


def test_a_model_directory_teaches_what_its_network_computes(save: Save) -> None:
    architecture = Architecture.published("ecbsr/M4C8", scale=2, channels=1)
    torch.manual_seed(1)
    network: nn.Module = architecture.build().eval()
    teacher = load_teacher(str(save()), 2, TYPE, CPU)
    torch.testing.assert_close(teacher(image()), network(image()), rtol=1e-4, atol=1e-5)
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_a_published_point_is_what_was_trained_under_its_name(save: Save) -> None:
    save("results/trained/ecbsr-M4C8")
    assert find_teacher("ecbsr/M4C8") == Path("results/trained/ecbsr-M4C8")


def test_a_point_that_was_not_trained_is_named_with_the_command_that_trains_it(save: Save) -> None:
    with pytest.raises(
        InputError, match=r"no teacher 'ecbsr/M4C8'.* results/trained/ecbsr-M4C8 .*\(nas train ecbsr/M4C8\)"
    ):
        load_teacher("ecbsr/M4C8", 2, TYPE, CPU)


def test_a_teacher_of_another_scale_is_refused(save: Save) -> None:
    with pytest.raises(InputError, match="'teacher' has scale 4, but the network to train has scale 2"):
        load_teacher(str(save(scale=4)), 2, TYPE, CPU)


COUNTS: dict[str, Any] = {"kind": "percentile", "low": 7012.0, "high": 9044.0, "percentiles": [0.1, 99.9], "bits": 16}


@pytest.mark.parametrize(
    ("theirs", "ours", "to_write"),
    [
        (COUNTS, "type", "{kind: percentile, low: 7012.0, high: 9044.0, percentiles: [0.1, 99.9]}"),
        ({"kind": "type"}, COUNTS, "{kind: type}"),
        ({"kind": "image", "percentiles": [1.0, 99.0]}, COUNTS, "{kind: image, percentiles: [1.0, 99.0]}"),
    ],
)
def test_a_teacher_that_sees_other_levels_is_refused_with_what_to_write(
    save: Save, theirs: dict[str, Any], ours: Any, to_write: str
) -> None:
    seen = Normalisation.model_validate(ours)
    with pytest.raises(InputError, match="The teacher 'teacher' was trained with another normalisation") as refused:
        load_teacher(str(save(normalisation=theirs)), 2, seen, CPU)
    (written,) = re.findall(r"'normalisation: (.*?)'", str(refused.value))
    assert written == to_write
    resolved = Normalisation.model_validate(yaml.safe_load(written)).resolved(16, lambda: np.zeros(65536, np.int64))
    assert load_teacher("teacher", 2, resolved, CPU)(image()).shape == (2, 1, 24, 32)


def test_a_teacher_may_have_got_its_levels_another_way(save: Save) -> None:
    fixed = Normalisation(kind="fixed", low=7012, high=9044, bits=16, peak=16383)
    assert load_teacher(str(save(normalisation=COUNTS)), 2, fixed, CPU)(image()).shape == (2, 1, 24, 32)


def test_imported_weights_see_the_images_as_the_student_does(save: Save) -> None:
    imported = save(**{IMPORTED: {"point": "ecbsr/M4C8"}})
    teacher = load_teacher(str(imported), 2, Normalisation.model_validate(COUNTS), CPU)
    assert teacher(image()).shape == (2, 1, 24, 32)


def test_a_teacher_for_colour_sees_gray_in_three_channels_and_answers_with_their_mean(save: Save) -> None:
    architecture = Architecture.published("ecbsr/M4C8", scale=2, channels=3)
    torch.manual_seed(1)
    colour: nn.Module = architecture.build().eval()
    teacher = load_teacher(str(save(channels=3)), 2, TYPE, CPU)
    expected = colour(image().repeat(1, 3, 1, 1)).mean(1, keepdim=True)
    torch.testing.assert_close(teacher(image()), expected, rtol=1e-4, atol=1e-5)


class Compact(nn.Module):
    """A network that spandrel knows by the names of its tensors: Real-ESRGAN's small one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(8), nn.Conv2d(8, 12, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        return F.pixel_shuffle(self.body(image), 2) + F.interpolate(image, scale_factor=2, mode="nearest")


def test_a_checkpoint_of_another_project_teaches(tmp_path: Path) -> None:
    pytest.importorskip("nas.convert.third_party")
    if importlib.util.find_spec("spandrel") is None:
        pytest.skip("spandrel is not installed")
    theirs = Compact()
    torch.save(theirs.state_dict(), tmp_path / "theirs.pth")
    teacher = load_teacher(str(tmp_path / "theirs.pth"), 2, TYPE, CPU)
    expected = theirs(image().repeat(1, 3, 1, 1)).clamp(0, 1).mean(1, keepdim=True)
    torch.testing.assert_close(teacher(image()), expected)
