"""What `nas train` is asked to do, and from which weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.errors import InputError
from nas.model import ARCHITECTURE, Model
from nas.search.room import Room
from nas.search.training import Job, plan, train_all
from nas.training.logs import LOG
from nas.training.trainer import TrainingDivergedError, TrainingStoppedError
from search_spaces import SPACES, Architecture, load_plugin

from .conftest import CPU, Listener
from .conftest import SPACES as PLUGINS

ONE, TWO = Room((CPU,), 1), Room((CPU, CPU), 1)
RECIPE = "{base: brief, steps: 2, batch: 2, patch: 12, learning_rate: 1.0e-9, validations: 1, precision: float32}"


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

    def asked(*names: object, results: str = "results", steps: int | None = None) -> Job:
        recipe = str(tmp_path / "recipe.yaml")
        return plan(
            [str(name) for name in names],
            CPU,
            top=1,
            recipe=recipe,
            steps=steps,
            data=str(tiny_data),
            results=tmp_path / results,
        )

    return asked


def weights(model: Model) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.network.parameters()])


def trained(job: Job) -> tuple[str, Model]:
    ((folder, model, _),), failures = train_all(job, ONE, Listener(), lambda: False)
    assert failures == {}
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


def test_what_is_trained_side_by_side_is_stopped_and_goes_on_to_the_same_networks(
    ask: Callable[..., Job], tmp_path: Path
) -> None:
    names, steps = ("espcn/ESPCN", "fsrcnn/FSRCNN"), 160
    audience = Listener()
    job = ask(*names, steps=steps)
    with pytest.raises(TrainingStoppedError, match=r"0 of 2 are trained; the same command goes on with the others\."):
        train_all(job, TWO, audience, lambda: len(audience.reports) > 2)
    logs = list((tmp_path / "results" / "trained").glob(f"*/{LOG}"))
    assert logs and not list((tmp_path / "results" / "trained").glob("*/weights.safetensors"))
    resumed, _ = train_all(job, ONE, audience, lambda: False)  # how many at a time makes no difference
    straight, _ = train_all(ask(*names, results="straight", steps=steps), ONE, Listener(), lambda: False)
    for (_, one, _), (_, other, _) in zip(resumed, straight, strict=True):
        assert torch.equal(weights(one), weights(other))
        assert one.metrics["psnr"] == other.metrics["psnr"] and one.metrics["threads"] == 1
    assert sum("dB (" in line for line in audience.lines) == 2


def test_networks_that_are_trained_already_start_no_process(ask: Callable[..., Job]) -> None:
    job, audience = ask("espcn/ESPCN", "fsrcnn/FSRCNN"), Listener()
    first, _ = train_all(job, ONE, audience, lambda: False)
    again, _ = train_all(job, TWO, audience, lambda: True)
    assert [name for name, _, _ in again] == [name for name, _, _ in first]
    assert len(audience.lines) == 4 and audience.lines[2:] == audience.lines[:2]


def test_a_network_that_fails_is_named_and_the_others_are_trained(ask: Callable[..., Job], tmp_path: Path) -> None:
    for how in ("nan", "works"):
        write_broken(tmp_path / how, how)
    both = ask(tmp_path / "nan" / ARCHITECTURE, tmp_path / "works" / ARCHITECTURE)
    models, failures = train_all(both, ONE, Listener(), lambda: False)
    assert [Path(folder).name for folder, _, _ in models] == ["works"]
    assert failures == {"nan": "The loss became nan by step 2."}


def test_the_error_of_a_single_network_is_its_own(ask: Callable[..., Job], tmp_path: Path) -> None:
    write_broken(tmp_path / "nan", "nan")
    with pytest.raises(TrainingDivergedError, match="The loss became nan by step 2"):
        train_all(ask(tmp_path / "nan" / ARCHITECTURE), ONE, Listener(), lambda: False)


def write_broken(folder: Path, how: str) -> None:
    load_plugin(PLUGINS / "broken.py")
    folder.mkdir()
    (folder / ARCHITECTURE).write_text(Architecture("broken", 2, 1, {"how": how, "width": 1}).to_yaml())
