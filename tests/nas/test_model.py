import itertools
import json
import pickle
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from nas.errors import InputError
from nas.model import ARCHITECTURE, METRICS, RECIPE, WEIGHTS, Model, is_model, load_model
from search_spaces import Architecture

FILES = [ARCHITECTURE, WEIGHTS, RECIPE, METRICS]
POINT = Architecture.published("moremnas/MoreMNAS-C")


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return Model(
        POINT, POINT.build().eval(), {"name": "brief", "learning_rate": 1e-5}, {"psnr": 33.25, "curve": [1, 2]}
    )


@pytest.fixture
def folder(model: Model, tmp_path: Path) -> Path:
    model.save(tmp_path / "model")
    return tmp_path / "model"


def test_a_directory_holds_four_files_and_gives_the_model_back(folder: Path, model: Model) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    read = load_model(folder)
    assert (read.architecture, read.recipe, read.metrics) == (model.architecture, model.recipe, model.metrics)
    assert not read.network.training
    image = torch.rand(1, 1, 8, 8)
    assert torch.equal(read.network(image), model.network(image))


def test_the_files_are_plain_and_readable_by_all(folder: Path) -> None:
    assert Architecture.read(folder / ARCHITECTURE) == POINT
    assert yaml.safe_load((folder / RECIPE).read_text())["name"] == "brief"
    assert json.loads((folder / METRICS).read_text())["psnr"] == 33.25
    assert load_file(folder / WEIGHTS).keys() == POINT.build().state_dict().keys()
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


def test_the_directory_may_be_moved(folder: Path, tmp_path: Path) -> None:
    moved = folder.rename(tmp_path / "elsewhere")
    assert load_model(moved).architecture == POINT


def test_saving_again_replaces_everything(folder: Path) -> None:
    other = Architecture.published("moremnas/MoreMNAS-D")
    Model(other, other.build(), {"name": "full"}, {"psnr": 34.0}).save(folder)
    assert load_model(folder).architecture == other
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)


def test_a_save_that_breaks_off_leaves_no_weights_beside_the_files_of_another(folder: Path) -> None:
    other = Architecture.published("moremnas/MoreMNAS-D")
    network = other.build()
    network.register_buffer("unwritable", torch.zeros(1).to_sparse())
    with pytest.raises(RuntimeError, match="memory format"):
        Model(other, network, {"name": "full"}, {"psnr": 34.0}).save(folder)
    with pytest.raises(InputError, match=r"lacks weights\.safetensors"):
        load_model(folder)


def test_what_cannot_be_written_leaves_the_old_model(folder: Path, model: Model) -> None:
    other = Architecture.published("moremnas/MoreMNAS-D")
    with pytest.raises(TypeError):
        Model(other, other.build(), {"name": "full"}, {"psnr": object()}).save(folder)
    assert load_model(folder).metrics == model.metrics


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"lacks {name}"):
        load_model(folder)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no model directory '.*gone'"):
        load_model(tmp_path / "gone")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"- 1\n- 2\n", b"[1, 2]"], ids=["empty", "binary", "list", "array"]
)
def test_an_unreadable_file_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as error:
        load_model(folder)
    assert "\n" not in str(error.value)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    save_file(Architecture.published("moremnas/MoreMNAS-D").build().state_dict(), folder / WEIGHTS)
    with pytest.raises(InputError, match=r"weights in .* don't fit the architecture"):
        load_model(folder)


def test_weights_with_one_tensor_missing_or_too_many_are_refused(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    for wrong in (dict(list(weights.items())[1:]), weights | {"extra": torch.zeros(1)}):
        save_file(wrong, folder / WEIGHTS)
        with pytest.raises(InputError, match="don't fit the architecture"):
            load_model(folder)


def test_an_architecture_that_cannot_be_built_is_refused(folder: Path) -> None:
    path = folder / ARCHITECTURE
    path.write_text(path.read_text().replace("scale: 2", "scale: 7"))
    with pytest.raises(InputError, match=r"builds scales \[2, 3, 4\], not 7"):
        load_model(folder)


class Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


def test_a_pickle_in_the_place_of_the_weights_is_refused_and_never_run(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    pickled = pickle.dumps(Evil(trace))
    (folder / WEIGHTS).write_bytes(pickled)
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged"):
        load_model(folder)
    torch.save({"weights": Evil(trace)}, folder / WEIGHTS)
    with pytest.raises(InputError, match=r"weights\.safetensors is damaged"):
        load_model(folder)
    assert not trace.exists()


@pytest.mark.parametrize("name", [ARCHITECTURE, RECIPE])
def test_yaml_that_asks_for_python_is_refused_and_never_run(folder: Path, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "trace"
    (folder / name).write_text(
        f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{trace}]]"
    )
    with pytest.raises(InputError, match=name):
        load_model(folder)
    assert not trace.exists()


def test_what_looks_like_a_model_directory(folder: Path, tmp_path: Path) -> None:
    assert is_model(folder)
    assert not is_model(tmp_path)
    assert not is_model(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    assert is_model(folder)


def test_a_flipped_bit_anywhere_in_the_weights_is_told(folder: Path) -> None:
    path = folder / WEIGHTS
    intact = path.read_bytes()
    begin = 8 + int.from_bytes(intact[:8], "little")
    places = [begin, begin + (len(intact) - begin) // 3, len(intact) - 1]
    for place, bit in itertools.product(places, range(8)):
        path.write_bytes(intact[:place] + bytes([intact[place] ^ 1 << bit]) + intact[place + 1 :])
        with pytest.raises(InputError, match=r"weights\.safetensors is damaged \(a checksum differs\); copy it"):
            load_model(folder)
    path.write_bytes(intact)
    assert load_model(folder).architecture == POINT


def test_weights_that_git_lfs_left_out_are_told_from_damaged_ones(folder: Path) -> None:
    (folder / WEIGHTS).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n")
    with pytest.raises(InputError, match=r"weights\.safetensors is a pointer of Git LFS, .*: git lfs pull"):
        load_model(folder)


def test_weights_without_a_checksum_are_taken_as_they_are(folder: Path, model: Model) -> None:
    save_file(load_file(folder / WEIGHTS), folder / WEIGHTS)
    assert load_model(folder).architecture == model.architecture


def test_the_same_network_gives_the_same_bytes(folder: Path, model: Model) -> None:
    first = (folder / WEIGHTS).read_bytes()
    for _ in range(10):
        model.save(folder)
        assert (folder / WEIGHTS).read_bytes() == first


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(folder: Path, model: Model, value: float) -> None:
    with torch.no_grad():
        next(model.network.parameters()).view(-1)[3] = value
    model.save(folder)
    with pytest.raises(InputError, match="holds values that aren't finite; train or import the network again"):
        load_model(folder)
