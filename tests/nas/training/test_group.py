"""Two processes that train together bring what one does, up to roundings; run once by torchrun, then looked at."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from grouped_trainings import ARCHITECTURE, RECIPES, WINDOW, recipe, save, train
from safetensors.torch import load_file

from nas.errors import InputError
from nas.model import load_model
from nas.training import trainer
from nas.training.group import ALONE, Group
from search_spaces import Architecture

SCRIPT = Path(__file__).with_name("grouped_trainings.py")
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def short_window() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(trainer, "LOSS_WINDOW", WINDOW)
        yield


@pytest.fixture(scope="module")
def folder(shared_tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left, each in the folder of its number, beside what one process did in `one`."""
    folder = tmp_path_factory.mktemp("group")
    torch.set_num_threads(1)
    (folder / "0").mkdir()
    assert train(shared_tiny_data, folder / "0", checkpoint="alone.safetensors", looks=6) is None
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*run, str(SCRIPT), str(shared_tiny_data), str(folder)],
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder / "one").mkdir()
    for name in RECIPES:
        save(train(shared_tiny_data, folder / "one", name=name), folder / "one" / f"{name}.safetensors")
    return folder


def distance(first: Path, second: Path) -> float:
    """The largest difference between weights, against how far a training of so few steps moves them: about 1e-2."""
    one, other = load_file(first), load_file(second)
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.mark.parametrize("name", RECIPES)
def test_two_processes_train_as_one(folder: Path, name: str) -> None:
    assert distance(folder / "0" / f"{name}.safetensors", folder / "one" / f"{name}.safetensors") < 1e-5
    start = Path(folder / "one" / "start.safetensors")
    torch.manual_seed(3)
    save(ARCHITECTURE.build(), start)
    assert distance(start, folder / "one" / f"{name}.safetensors") > 1e-3


@pytest.mark.parametrize("name", RECIPES)
def test_both_processes_have_the_same_weights_bit_by_bit(folder: Path, name: str) -> None:
    assert distance(folder / "0" / f"{name}.safetensors", folder / "1" / f"{name}.safetensors") == 0


def test_two_go_on_where_one_was_stopped(folder: Path) -> None:
    assert distance(folder / "0" / "resumed.safetensors", folder / "one" / "plain.safetensors") < 1e-5
    assert distance(folder / "0" / "resumed.safetensors", folder / "1" / "resumed.safetensors") == 0


def test_one_goes_on_where_two_were_stopped(folder: Path, shared_tiny_data: Path) -> None:
    network = train(shared_tiny_data, folder / "0", checkpoint="together.safetensors")
    save(network, folder / "one" / "resumed.safetensors")
    assert distance(folder / "one" / "resumed.safetensors", folder / "one" / "plain.safetensors") < 1e-5


def test_only_the_main_process_writes(folder: Path) -> None:
    assert (folder / "0" / "together.safetensors").is_file()
    assert {path.name for path in (folder / "0" / "model").iterdir()} == {
        "architecture.yaml",
        "weights.safetensors",
        "recipe.yaml",
        "metrics.json",
        "log.csv",
    }
    saved = {f"{name}.safetensors" for name in (*RECIPES, "resumed", "full")}
    assert {path.name for path in (folder / "1").iterdir()} == saved | {"cache", "refused.txt"}


def test_a_model_says_how_many_trained_it(folder: Path) -> None:
    model = load_model(folder / "0" / "model")
    assert model.metrics["processes"] == 2
    weights = load_file(folder / "1" / "full.safetensors")
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.network.state_dict().items())


@pytest.mark.parametrize("rank", [0, 1])
def test_what_processes_do_not_have_in_common_is_refused_in_all(folder: Path, rank: int) -> None:
    assert (folder / str(rank) / "refused.txt").read_text().splitlines() == [
        "A batch of 3 patches can't be divided evenly among 2 processes; change the batch of the recipe or the number "
        "of processes.",
        "The 2 processes don't have the same network, images and recipe; start all of them with the same.",
    ]


def test_shares_are_equal_and_cover_the_batch() -> None:
    shares = [Group(rank, 4).share(12) for rank in range(4)]
    assert [index for share in shares for index in range(12)[share]] == list(range(12))
    assert ALONE.share(7) == slice(0, 7)


@pytest.mark.parametrize(
    ("point", "scale", "changed", "reason"),
    [
        ("dncnn/DnCNN", 1, {}, "Batch normalisation over the shares of several processes needs GPUs"),
        (
            "espcn/ESPCN",
            2,
            {"losses": {"adversarial": 1.0}, "adversarial": {"width": 4, "relativistic": True}},
            "A relativistic discriminator compares all images of a batch",
        ),
    ],
)
def test_what_does_not_come_out_of_shares_is_refused(
    point: str, scale: int, changed: dict[str, object], reason: str
) -> None:
    network = Architecture.published(point, scale).build()
    ALONE.check(network, recipe(**changed), CPU)
    with pytest.raises(InputError, match=reason):
        Group(0, 2).check(network, recipe(**changed), CPU)
