import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.errors import InputError
from nas.model import Model
from nas.training.teacher import find_teacher, load_teacher
from search_spaces import Architecture

CPU = torch.device("cpu")
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Return a function that writes an untrained network as a model directory; the current folder is an empty one."""
    monkeypatch.chdir(tmp_path)

    def saved(folder: str = "teacher", point: str = "ecbsr/M4C8", scale: int = 2, channels: int = 1) -> Path:
        torch.manual_seed(1)
        architecture = Architecture.published(point, scale=scale, channels=channels)
        Model(architecture, architecture.build(), {}, {}).save(Path(folder))
        return Path(folder)

    return saved


def image() -> Tensor:
    return torch.rand(2, 1, 12, 16, generator=torch.Generator().manual_seed(0))


def test_a_model_directory_teaches_what_its_network_computes(save: Save) -> None:
    architecture = Architecture.published("ecbsr/M4C8", scale=2, channels=1)
    torch.manual_seed(1)
    network: nn.Module = architecture.build().eval()
    teacher = load_teacher(str(save()), 2, CPU)
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
        load_teacher("ecbsr/M4C8", 2, CPU)


def test_a_teacher_of_another_scale_is_refused(save: Save) -> None:
    with pytest.raises(InputError, match="'teacher' has scale 4, but a network of scale 2 is to be taught"):
        load_teacher(str(save(scale=4)), 2, CPU)


def test_a_teacher_for_colour_sees_gray_in_three_channels_and_answers_with_their_mean(save: Save) -> None:
    architecture = Architecture.published("ecbsr/M4C8", scale=2, channels=3)
    torch.manual_seed(1)
    colour: nn.Module = architecture.build().eval()
    teacher = load_teacher(str(save(channels=3)), 2, CPU)
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
    teacher = load_teacher(str(tmp_path / "theirs.pth"), 2, CPU)
    expected = theirs(image().repeat(1, 3, 1, 1)).clamp(0, 1).mean(1, keepdim=True)
    torch.testing.assert_close(teacher(image()), expected)
