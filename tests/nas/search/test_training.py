"""What `nas train` is asked to do, and from which weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.errors import InputError
from nas.model import ARCHITECTURE, Model
from nas.search.training import Job, plan, train_all
from search_spaces import SPACES, Architecture

CPU = torch.device("cpu")
RECIPE = "{base: brief, steps: 2, batch: 2, patch: 12, learning_rate: 1.0e-9, validations: 1, precision: float32}"


class Silent:
    def start(self, label: str) -> None: ...

    def advance(self, report: object) -> None: ...


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory of the smallest network."""
    return save(tmp_path / "camera", 1)


def save(folder: Path, channels: int) -> Path:
    architecture = Architecture("espcn", 2, channels, SPACES.get("espcn").smallest)
    torch.manual_seed(3)
    Model(architecture, architecture.build(), {"imported_from": {"file": "net.pth"}}, {}).save(folder)
    return folder


@pytest.fixture
def ask(tiny_data: Path, tmp_path: Path) -> Callable[..., Job]:
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def asked(*names: object) -> Job:
        recipe = str(tmp_path / "recipe.yaml")
        return plan(
            [str(name) for name in names],
            CPU,
            top=1,
            recipe=recipe,
            data=str(tiny_data),
            results=tmp_path / "results",
        )

    return asked


def weights(model: Model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.network.parameters()])


def trained(job: Job) -> tuple[str, Model]:
    ((folder, model, _),) = train_all(job, CPU, Silent(), lambda: False)
    return folder, model


def test_a_model_directory_is_trained_from_its_weights_into_a_folder_of_its_own(
    ask: Callable[..., Job], model: Path, tmp_path: Path
) -> None:
    job = ask(model)
    assert job.starts == {"camera-tuned": model}
    folder, tuned = trained(job)
    assert Path(folder) == tmp_path / "results" / "trained" / "camera-tuned"
    torch.manual_seed(3)
    assert torch.allclose(weights(tuned), torch.cat([p.flatten() for p in tuned.architecture.build().parameters()]))


def test_its_architecture_is_trained_from_nothing(ask: Callable[..., Job], model: Path) -> None:
    job = ask(model / ARCHITECTURE)
    assert job.starts == {} and list(job.architectures) == ["camera"]
    torch.manual_seed(3)
    folder, scratch = trained(job)
    assert Path(folder).name == "camera" and "started_from" not in scratch.metrics
    torch.manual_seed(3)
    start = torch.cat([p.flatten() for p in scratch.architecture.build().parameters()])
    assert not torch.allclose(weights(scratch), start, atol=1e-3)


def test_published_points_and_model_directories_can_be_trained_together(ask: Callable[..., Job], model: Path) -> None:
    job = ask("espcn/ESPCN", model, model / ARCHITECTURE)
    assert list(job.architectures) == ["espcn-ESPCN", "camera-tuned", "camera"]
    assert list(job.starts) == ["camera-tuned"]


def test_two_that_would_share_a_folder_are_refused(ask: Callable[..., Job], model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="trained into one folder; train them apart"):
        ask(model, save(tmp_path / "other" / "camera", 1))


def test_colour_networks_are_refused(ask: Callable[..., Job], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"one channel, but .*colour takes 3; a published network .* --to-gray"):
        ask(save(tmp_path / "colour", 3))
