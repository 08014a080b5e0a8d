from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.normalisation import TYPE
from nas.deploy.form import Form, levels_of
from nas.deploy.locality import receptive_radius
from nas.deploy.onnx import to_onnx
from nas.deploy.onnx_network import OnnxNetwork
from nas.errors import InputError
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import point

FIXED = Form(lr=(40, 32))


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    built = architecture().build().eval()
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.2)
    return built


def architecture(cells: str = "conv x4") -> Architecture:
    return Architecture("hybrid", 2, 1, point(cells, width=8, input="sharpened"))


@pytest.mark.parametrize("size", [(32, 40), (32, 41), (77, 40), (100, 131)])
def test_tiles_of_a_fixed_size_give_what_the_network_gives(
    network: nn.Module, tmp_path: Path, size: tuple[int, int]
) -> None:
    to_onnx(network, architecture(), tmp_path / "model.onnx", TYPE, FIXED)
    tiled = OnnxNetwork(tmp_path / "model.onnx", 2, FIXED, edge=receptive_radius(network, 2))
    images = torch.rand(2, 1, *size)
    with torch.no_grad():
        expected = network(images)
        assert (tiled(images) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_a_file_of_integers_is_measured_in_values(network: nn.Module, tmp_path: Path) -> None:
    form = Form(bits=16)
    to_onnx(network, architecture(), tmp_path / "model.onnx", TYPE, form)
    measured = OnnxNetwork(tmp_path / "model.onnx", 2, form, levels_of(TYPE, 16))
    image = (torch.rand(1, 1, 9, 12) * 65535).round() / 65535
    with torch.no_grad():
        assert (measured(image) - network(image).clamp(0, 1)).abs().max() < 1.01 / 65535


def test_an_image_that_a_network_needs_whole_must_fit(tmp_path: Path) -> None:
    whole = architecture("rcab x1")
    to_onnx(whole.build(), whole, tmp_path / "model.onnx", TYPE, FIXED)
    tiled = OnnxNetwork(tmp_path / "model.onnx", 2, FIXED, edge=receptive_radius(whole.build(), 2))
    assert tiled(torch.rand(1, 1, 32, 40)).shape == (1, 1, 64, 80)
    with pytest.raises(InputError, match="48x40 can't be computed in tiles of 40x32 with this network; give a larger"):
        tiled(torch.rand(1, 1, 40, 48))
