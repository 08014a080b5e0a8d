from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from nas.data.normalisation import TYPE, Normalisation
from nas.deploy.form import Form
from nas.deploy.graph import counted, operators
from nas.deploy.onnx import check_onnx, to_onnx
from nas.deploy.onnx import graph_of as exported_graph
from nas.deploy.rewrites import deployed
from nas.deploy.target import Target, load_target
from nas.errors import InputError
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import point
from search_spaces.layers.block_choices import CHAINED
from search_spaces.layers.blocks import BLOCKS
from search_spaces.layers.fixed_filter import FixedFilter
from search_spaces.layers.upsample import UPSAMPLERS

PERCENTILE = Normalisation(kind="percentile", low=14_000, high=16_100, bits=16)
WHOLE = ("Range", "Gather", "Resize")
"""Operators that no network of convolutions may need at a fixed size."""


def scrambled(architecture: Architecture) -> nn.Module:
    torch.manual_seed(0)
    network = architecture.build().eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.2)
    return network


def hybrid(cells: str = "conv x2", scale: int = 2, **choices: object) -> Architecture:
    return Architecture("hybrid", scale, 1, point(cells, width=8, **choices))


@pytest.mark.parametrize(
    ("form", "normalisation"),
    [
        (Form(lr=(34, 27)), TYPE),
        (Form(opset=13), TYPE),
        (Form(opset=20, lr=(34, 28)), TYPE),
        (Form(bits=8, lr=(34, 28)), TYPE),
        (Form(bits=16), PERCENTILE),
    ],
    ids=["fixed and odd", "opset 13", "opset 20", "8 bits", "16 bits"],
)
def test_a_file_computes_what_the_network_does_in_every_form(
    form: Form, normalisation: Normalisation, tmp_path: Path
) -> None:
    architecture, path = hybrid(activation="prelu", input="sharpened"), tmp_path / "model.onnx"
    network = scrambled(architecture)
    to_onnx(network, architecture, path, normalisation, form)
    assert [entry.version for entry in onnx.load(path).opset_import] == [form.opset]
    within = 1e-5 if form.bits is None else 1.01 / (2**form.bits - 1)  # a rounding to the other side
    assert check_onnx(path, network, form=form, normalisation=normalisation) < within


def test_half_precision_leaves_the_image_exact(tmp_path: Path) -> None:
    architecture, path, form = hybrid(input="sharpened"), tmp_path / "model.onnx", Form(half=True)
    untrained = architecture.build().eval()
    to_onnx(untrained, architecture, path, TYPE, form)
    assert check_onnx(path, untrained) < 1e-6  # the interpolation alone
    network = scrambled(architecture)
    to_onnx(network, architecture, path, TYPE, form)
    assert 1e-6 < check_onnx(path, network) < 2e-3


def test_in_half_precision_fixed_filters_keep_their_weights() -> None:
    network = Form(half=True).module(hybrid(input="sharpened").build(), TYPE)
    filters = [module for module in network.modules() if isinstance(module, FixedFilter)]
    assert len(filters) == 2  # the skip and the sharpening
    assert {layer.weight.dtype for layer in filters} == {torch.float32}


@pytest.mark.parametrize("upsampler", UPSAMPLERS)
@pytest.mark.parametrize("resolution", ["full", "half"])
def test_at_a_fixed_size_networks_of_convolutions_need_nothing_that_chips_lack(
    upsampler: str, resolution: str, tmp_path: Path
) -> None:
    architecture = hybrid(resolution=resolution, upsampler=upsampler, image_skip="learned", input="sharpened")
    to_onnx(architecture.build(), architecture, tmp_path / "model.onnx", TYPE, Form(lr=(64, 48)))
    found = operators(onnx.load(tmp_path / "model.onnx"))
    lacking = {"Resize"} if upsampler == "nearest" else set()  # copied features
    assert {operator.kind for operator in found} & set(WHOLE) == lacking
    assert all(operator.rank in (4, None) for operator in found)


@pytest.mark.slow
@pytest.mark.parametrize("block", BLOCKS)
def test_at_a_fixed_size_no_block_needs_gathers_except_attention_in_windows(block: str, tmp_path: Path) -> None:
    architecture = hybrid(f"{block} x1")
    to_onnx(architecture.build(), architecture, tmp_path / "model.onnx", TYPE, Form(lr=(64, 48)))
    kinds = {operator.kind for operator in operators(onnx.load(tmp_path / "model.onnx"))}
    assert ("Gather" in kinds) == (block == "window")
    assert not kinds & {"Range", "Shape"}


def test_a_stride_that_the_chip_does_not_run_leaves_the_shuffle_to_its_cpu() -> None:
    chip = load_target("rk3588")
    assert chip.on_cpu(graph_of(hybrid(scale=3), chip)) == ["DepthToSpace"]
    assert chip.on_cpu(graph_of(hybrid(scale=2), chip)) == []


def without(target: Target, *kinds: str) -> Target:
    return target.model_copy(update={"operators": {k: v for k, v in target.operators.items() if k not in kinds}})


@pytest.mark.parametrize("activation", ["prelu", "leaky"])
@pytest.mark.parametrize("scale", [2, 3])
def test_operators_that_a_chip_lacks_are_computed_by_others(activation: str, scale: int) -> None:
    chip = without(load_target("tflite"), "PRelu", "LeakyRelu", "DepthToSpace", "Pad")
    architecture = hybrid(scale=scale, activation=activation, upsampler="nearest", input="sharpened")
    network, image = scrambled(architecture), torch.rand(2, 1, 12, 9)
    with torch.no_grad():
        expected = network(image)
        assert (deployed(network, chip)(image) - expected).abs().max() < 1e-5 * expected.abs().max()
    assert chip.refused(graph_of(architecture, chip)) == []


def graph_of(architecture: Architecture, chip: Target) -> list[object]:
    return operators(exported_graph(architecture.build(), architecture, Form.of(chip, lr=(32, 24))))


@pytest.mark.parametrize("chip", ["plain", "rk3588", "rv1106", "tflite", "ncnn"])
@pytest.mark.parametrize("block", sorted(CHAINED))
def test_plain_chains_are_taken_whole(chip: str, block: str) -> None:
    target = load_target(chip)
    found = graph_of(hybrid(f"{block} x1", activation="prelu", input="sharpened"), target)
    assert (target.refused(found), target.on_cpu(found)) == ([], [])


def test_what_a_form_can_not_be_is_one_sentence() -> None:
    with pytest.raises(InputError, match="opsets 13 to 20, not 12"):
        Form(opset=12)
    with pytest.raises(InputError, match="8 or 16 bits, not 14"):
        Form(bits=14)
    with pytest.raises(InputError, match="needs one fixed size; give --lr WxH"):
        Form.of(load_target("rk3588"))
    with pytest.raises(InputError, match="reads opsets 12 to 19, not 20"):
        Form.of(load_target("rk3588"), 20, lr=(64, 48))
    with pytest.raises(InputError, match="64x5 must have at least 8 pixels"):
        Form(lr=(64, 5)).check_size(8)
    with pytest.raises(InputError, match="normalised by the range of each image"):
        Form(bits=16).module(hybrid().build(), Normalisation(kind="image"))


def test_the_names_of_nodes_say_the_layer_they_come_from(tmp_path: Path) -> None:
    architecture = hybrid("conv x1")
    to_onnx(architecture.build(), architecture, tmp_path / "model.onnx")
    names = [node.name for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert "skip/Conv" in names
    assert "networks.0.cells.0.0.0/Conv" in names
    assert len(set(names)) == len(names)
    assert counted(operators(onnx.load(tmp_path / "model.onnx")))["Conv"] == 4
