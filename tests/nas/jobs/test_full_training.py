"""What `nas train` is asked to do, and from which weights."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from searches import CPU, Listener
from searches import SPACES as PLUGINS

from nas.errors import InputError, RunError
from nas.jobs.full_training import train_all
from nas.jobs.locating import locate
from nas.jobs.training_plan import Job, plan_training
from nas.model import ARCHITECTURE, Model
from nas.parallel.placement import Placement
from nas.training.divergence import TrainingDivergedError
from nas.training.logs import LOG
from nas.training.trainer import TrainingStoppedError
from search_spaces import SPACES, Architecture, load_plugin

ONE, TWO = Placement((CPU,), 1), Placement((CPU, CPU), 1)
RECIPE = "{base: brief, steps: 2, batch: 2, patch: 12, learning_rate: 1.0e-9, validations: 1, precision: float32}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model directory of the smallest network."""
    return save(tmp_path / "camera", 1)


def save(folder: Path, channels: int, seed: int = 3) -> Path:
    architecture = Architecture("espcn", 2, channels, SPACES.get("espcn").smallest)
    torch.manual_seed(seed)
    Model(architecture, architecture.build(), {"imported_from": {"file": "net.pth"}}, {}).save(folder)
    return folder


@pytest.fixture
def ask(tiny_data: Path, tmp_path: Path) -> Callable[..., Job]:
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    def asked(*names: object, results: str = "results", steps: int | None = None, scale: int | None = None) -> Job:
        recipe = str(tmp_path / "recipe.yaml")
        return plan_training(
            [str(name) for name in names],
            CPU,
            top=1,
            recipe=recipe,
            steps=steps,
            scale=scale,
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


def test_two_of_one_name_get_folders_of_their_own(ask: Callable[..., Job], model: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other" / "camera", 1, seed=4)
    job = ask(model, other, model)
    assert job.starts == {"camera-tuned": model, "camera-tuned-2": other}
    train_all(job, ONE, Listener(), lambda: False)
    assert list(ask(other).architectures) == ["camera-tuned-2"]  # found again by what it is
    assert list(ask(model).architectures) == ["camera-tuned"]


def test_architecture_files_of_one_folder_are_trained_by_their_names(ask: Callable[..., Job], tmp_path: Path) -> None:
    for name, width in (("a", 16), ("b.small", 8)):
        text = Architecture("espcn", 2, 1, SPACES.get("espcn").smallest | {"width": width}).to_yaml()
        (tmp_path / f"{name}.yaml").write_text(text)
    assert list(ask(tmp_path / "a.yaml", tmp_path / "b.small.yaml").architectures) == ["a", "b.small"]


def test_another_recipe_or_other_images_never_replace_a_model(
    ask: Callable[..., Job], tiny_data: Path, tmp_path: Path
) -> None:
    def digests() -> dict[str, str]:
        files = (tmp_path / "results" / "trained").glob("*/weights.safetensors")
        return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    trained(ask("espcn/ESPCN"))
    first = digests()
    longer = ask("espcn/ESPCN", steps=3)
    (note,) = longer.notes
    assert note.endswith("holds another training (steps 2); this training goes to "
                         f"{tmp_path / 'results' / 'trained' / 'espcn-ESPCN-2'}.")  # fmt: skip
    trained(longer)
    next((tiny_data / "train").iterdir()).unlink()
    assert [Path(folder).name for folder, _ in [trained(ask("espcn/ESPCN"))]] == ["espcn-ESPCN-3"]
    assert digests() | first == digests() and len(digests()) == 3
    again = ask("espcn/ESPCN", steps=2)
    assert list(again.architectures) == ["espcn-ESPCN-3"] and again.notes == ()
    assert [name for name in digests() if name not in first] != []


def test_a_training_at_a_plateau_says_what_it_skipped(ask: Callable[..., Job], tmp_path: Path) -> None:
    plateau = "validations: 10, plateau: {patience: 1, min_gain: 99.0, cool_down: 0.25}"
    job = ask("espcn/ESPCN", steps=20)
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("validations: 1", plateau))
    patient, listener = ask("espcn/ESPCN", steps=20), Listener()
    assert list(job.architectures) == list(patient.architectures)  # neither is trained yet
    ((folder, model, _),), _ = train_all(patient, ONE, listener, lambda: False)
    assert (model.metrics["steps"], model.metrics["skipped_steps"]) == (9, 11)
    assert listener.lines[-1].endswith("; 11 of 20 steps skipped at a plateau")
    rows = (Path(folder) / LOG).read_text().splitlines()[1:]
    assert [int(row.partition(",")[0]) for row in rows] == [2, 4, 16, 18, 20]
    assert list(ask("espcn/ESPCN", steps=20).architectures) == list(patient.architectures)  # the same training


def test_another_scale_stands_in_the_name(ask: Callable[..., Job], tmp_path: Path) -> None:
    trained(ask("ecbsr/M4C8"))
    job = ask("ecbsr/M4C8", scale=4)
    assert list(job.architectures) == ["ecbsr-M4C8-x4"]
    trained(job)
    results = tmp_path / "results"
    assert locate("ecbsr/M4C8", results=results) == results / "trained" / "ecbsr-M4C8"
    assert locate("ecbsr/M4C8", 4, results) == results / "trained" / "ecbsr-M4C8-x4"
    with pytest.raises(InputError, match=r"there is no .*ecbsr-M4C8 of scale 3; run nas train ecbsr/M4C8 first"):
        locate("ecbsr/M4C8", 3, results)
    assert list(ask("ecbsr/M4C8", scale=4, steps=3).architectures) == ["ecbsr-M4C8-x4-2"]


def test_a_stopped_training_goes_on_and_another_does_not_take_its_folder(ask: Callable[..., Job]) -> None:
    job, listener = ask("espcn/ESPCN", steps=200), Listener()
    with pytest.raises(TrainingStoppedError):
        train_all(job, ONE, listener, lambda: bool(listener.reports))
    assert list(ask("espcn/ESPCN").architectures) == ["espcn-ESPCN-2"]
    assert list(ask("espcn/ESPCN", steps=200).architectures) == ["espcn-ESPCN"]


def test_what_somebody_else_put_there_is_left_alone(ask: Callable[..., Job], model: Path, tmp_path: Path) -> None:
    there = tmp_path / "results" / "trained" / "espcn-ESPCN"
    shutil.copytree(model, there)
    before = {path.name: path.read_bytes() for path in there.iterdir()}
    folder, _ = trained(ask("espcn/ESPCN"))
    assert Path(folder).name == "espcn-ESPCN-2"
    assert {path.name: path.read_bytes() for path in there.iterdir()} == before


def test_a_finished_model_that_was_damaged_is_set_aside_and_trained_again(
    ask: Callable[..., Job], tmp_path: Path
) -> None:
    folder, before = trained(ask("espcn/ESPCN"))
    file = Path(folder) / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.warns(UserWarning, match=r"is damaged; .* is kept as .*weights\.safetensors\.damaged"):
        again, after = trained(ask("espcn/ESPCN"))
    assert again == folder and torch.equal(weights(before), weights(after))
    assert (Path(folder) / "weights.safetensors.damaged").stat().st_size == 100


def test_of_two_that_begin_at_one_moment_the_second_is_told(ask: Callable[..., Job]) -> None:
    first, second = ask("espcn/ESPCN"), ask("espcn/ESPCN", steps=3)
    trained(first)
    with pytest.raises(RunError, match="was taken by another training just now; give the same command again"):
        trained(second)


def test_colour_networks_are_refused(ask: Callable[..., Job], tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"one channel, but .*colour takes 3; import a published network with --to-gray"
    ):
        ask(save(tmp_path / "colour", 3))


def test_what_is_trained_side_by_side_is_stopped_and_goes_on_to_the_same_networks(
    ask: Callable[..., Job], tmp_path: Path
) -> None:
    names, steps = ("espcn/ESPCN", "fsrcnn/FSRCNN"), 160
    listener = Listener()
    job = ask(*names, steps=steps)
    with pytest.raises(TrainingStoppedError, match=r"0 of 2 are trained; the same command continues with the others\."):
        train_all(job, TWO, listener, lambda: len(listener.reports) > 2)
    logs = list((tmp_path / "results" / "trained").glob(f"*/{LOG}"))
    assert logs and not list((tmp_path / "results" / "trained").glob("*/weights.safetensors"))
    resumed, _ = train_all(job, ONE, listener, lambda: False)  # how many at a time makes no difference
    straight, _ = train_all(ask(*names, results="straight", steps=steps), ONE, Listener(), lambda: False)
    for (_, model, _), (_, other, _) in zip(resumed, straight, strict=True):
        assert torch.equal(weights(model), weights(other))
        assert model.metrics["psnr"] == other.metrics["psnr"] and model.metrics["threads"] == 1
    assert sum("dB (" in line for line in listener.lines) == 2


def test_networks_that_are_trained_already_start_no_process(ask: Callable[..., Job]) -> None:
    job, listener = ask("espcn/ESPCN", "fsrcnn/FSRCNN"), Listener()
    first, _ = train_all(job, ONE, listener, lambda: False)
    again, _ = train_all(job, TWO, listener, lambda: True)
    assert [name for name, _, _ in again] == [name for name, _, _ in first]
    assert len(listener.lines) == 4 and listener.lines[2:] == listener.lines[:2]


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
