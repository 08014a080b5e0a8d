import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from nas.convert.importing import import_checkpoint
from nas.deploy.export import export
from nas.deploy.tiles import upscale
from nas.errors import InputError
from nas.model import load_model
from search_spaces import Architecture, UnknownNameError
from search_spaces.layers.fused import fused

AUTHORS = {"body.": "first_part.", "tail.": "last_part."}


def espcn(scale: int, channels: int) -> dict[str, Tensor]:
    """A checkpoint of ESPCN under the names of its authors."""
    torch.manual_seed(0)
    state = Architecture.published("espcn/ESPCN", scale, channels).build().state_dict()
    return {next(name.replace(a, b) for a, b in AUTHORS.items() if name.startswith(a)): t for name, t in state.items()}


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_scale_and_channels_are_those_of_the_checkpoint(scale: int, channels: int, tmp_path: Path) -> None:
    torch.save(espcn(scale, channels), tmp_path / "net.pth")
    model = import_checkpoint("espcn/ESPCN", tmp_path / "net.pth", tmp_path / "model")
    assert (model.architecture.scale, model.architecture.channels) == (scale, channels)
    state = model.network.state_dict()
    assert torch.equal(state["body.0.weight"], espcn(scale, channels)["first_part.0.weight"])


def test_what_is_written_is_a_model_directory_that_says_where_its_weights_are_from(tmp_path: Path) -> None:
    save_file(espcn(2, 1), path := tmp_path / "net.safetensors")
    model = import_checkpoint("espcn/ESPCN", path, tmp_path / "model")
    read = load_model(tmp_path / "model")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    origin = {"point": "espcn/ESPCN", "file": "net.safetensors", "sha256": digest, "luma": "studio"}
    assert read.recipe == {"imported_from": origin}
    assert read.metrics == {}
    assert read.architecture == model.architecture
    image = torch.rand(1, 1, 9, 7)
    with torch.no_grad():
        assert torch.equal(read.network(image), model.network(image))


@pytest.mark.parametrize(
    ("point", "channels", "luma"),
    [
        ("falsr/FALSR-B", 1, "full"),
        ("moremnas/MoreMNAS-C", 1, "full"),
        ("ecbsr/M4C8", 1, "studio"),
        ("espcn/ESPCN", 1, "studio"),
        ("espcn/ESPCN", 3, "full"),  # of colours, the gray form is one of luma in full range
        ("dncnn/DnCNN", 1, "full"),
    ],
)
def test_a_model_keeps_which_range_of_luma_it_was_trained_on(
    point: str, channels: int, luma: str, tmp_path: Path
) -> None:
    scale = 1 if point == "dncnn/DnCNN" else 2
    torch.save(Architecture.published(point, scale, channels).build().state_dict(), tmp_path / "net.pth")
    import_checkpoint(point, tmp_path / "net.pth", tmp_path / "model", to_gray=channels == 3)
    assert load_model(tmp_path / "model").recipe["imported_from"]["luma"] == luma


def test_a_merged_checkpoint_becomes_a_network_that_can_be_trained_further(tmp_path: Path) -> None:
    architecture = Architecture.published("ecbsr/M4C8")
    torch.manual_seed(0)
    network = architecture.build().eval()
    torch.save(fused(network).state_dict(), tmp_path / "net.pth")
    model = import_checkpoint("ecbsr/M4C8", tmp_path / "net.pth", tmp_path / "model")
    image = torch.rand(1, 1, 9, 7)
    with torch.no_grad():
        assert torch.allclose(model.network(image), network(image), atol=1e-5)
    assert model.network.state_dict().keys() == network.state_dict().keys()


@pytest.mark.parametrize("to_gray", [False, True])
def test_an_imported_model_is_exported_and_upscales(to_gray: bool, tmp_path: Path) -> None:
    torch.save(espcn(2, 3 if to_gray else 1), tmp_path / "net.pth")
    model = import_checkpoint("espcn/ESPCN", tmp_path / "net.pth", tmp_path / "model", to_gray=to_gray)
    done = export(load_model(tmp_path / "model"), tmp_path / "exported")
    assert [path.name for path in done.files] == [
        "architecture.yaml", "weights.safetensors", "recipe.yaml", "metrics.json", "model.onnx", "README.md",
        "input.bin", "output.bin", "shapes.json",
    ]  # fmt: skip
    assert done.command == f"nas train {tmp_path / 'exported'} --data DIR"
    assert load_model(tmp_path / "exported").recipe == model.recipe
    assert upscale(model.network, torch.rand(1, 1, 20, 30), 2).shape == (1, 1, 40, 60)


def test_the_recipe_says_how_the_colours_were_merged(tmp_path: Path) -> None:
    torch.save(espcn(2, 3), tmp_path / "net.pth")
    model = import_checkpoint("espcn/ESPCN", tmp_path / "net.pth", tmp_path / "model", to_gray=True)
    assert model.architecture.channels == 1
    merged = load_model(tmp_path / "model").recipe["imported_from"]["to_gray"]
    assert merged["exact"] is True and merged["largest_difference"] < 1e-5


def test_a_scale_that_is_given_is_the_only_one_tried(tmp_path: Path) -> None:
    torch.save(espcn(4, 1), tmp_path / "net.pth")
    message = (
        r"net\.pth is not a checkpoint of espcn/ESPCN at scale 2: its tensor 'tail.0.weight' is 16x32x3x3, but the"
    )
    with pytest.raises(InputError, match=message):
        import_checkpoint("espcn/ESPCN", tmp_path / "net.pth", tmp_path / "model", scale=2)
    assert not (tmp_path / "model").exists()


def test_another_network_s_checkpoint_is_refused_by_its_names(tmp_path: Path) -> None:
    torch.save(espcn(2, 1), tmp_path / "net.pth")
    message = (
        r"not a checkpoint of srcnn/SRCNN at scale 2: it lacks 'body.*' and 3 more and it has 'first_part.0.weight'"
    )
    with pytest.raises(InputError, match=message):
        import_checkpoint("srcnn/SRCNN", tmp_path / "net.pth", tmp_path / "model")


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path: Path) -> None:
    torch.save(espcn(2, 1), tmp_path / "net.pth")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists; name a new folder to import to"):
        import_checkpoint("espcn/ESPCN", tmp_path / "net.pth", tmp_path / "model")
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["notes.txt"]


def test_unknown_points_and_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="ESPCN"):
        import_checkpoint("espcn/espcn", tmp_path / "net.pth", tmp_path / "model")
    with pytest.raises(InputError, match=r"There is no checkpoint '.*net\.pth'"):
        import_checkpoint("espcn/ESPCN", tmp_path / "net.pth", tmp_path / "model")
