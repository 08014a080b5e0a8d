from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.convert.checkpoint import fit, load, read_state
from nas.errors import InputError
from search_spaces.layers.collapsible import fused
from search_spaces.layers.edge_conv import EdgeConv

STATE = {"head.weight": torch.arange(6.0).view(2, 3), "head.bias": torch.ones(2)}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"params": {}, "params_ema": STATE},
        {"params": STATE, "iter": 7},
        {"epoch": 3, "state_dict": STATE, "optimizer": {"state": {}, "lr": 1e-4}},
        {"model": {"state_dict": STATE}},
        {f"module.{name}": tensor for name, tensor in STATE.items()},
        {"state_dict": {f"module.{name}": tensor for name, tensor in STATE.items()}},
        {**STATE, "epochs": 7, "note": "more than tensors"},
    ],
)
def test_the_tensors_are_found_however_they_are_nested(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pth")
    state = read_state(tmp_path / "net.pth")
    assert {name: tensor.tolist() for name, tensor in state.items()} == {n: t.tolist() for n, t in STATE.items()}


def test_the_moving_average_counts_before_the_weights(tmp_path: Path) -> None:
    torch.save({"params": {"a": torch.zeros(1)}, "params_ema": {"a": torch.ones(1)}}, tmp_path / "net.pth")
    assert read_state(tmp_path / "net.pth")["a"] == 1


def test_a_module_prefix_that_only_some_names_have_is_part_of_them(tmp_path: Path) -> None:
    torch.save({"module.a": torch.zeros(1), "b": torch.ones(1)}, tmp_path / "net.pth")
    assert set(read_state(tmp_path / "net.pth")) == {"module.a", "b"}


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.safetensors")
    assert torch.equal(read_state(tmp_path / "net.safetensors")["head.weight"], STATE["head.weight"])


def test_a_pickled_module_is_not_executed(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(1, 1, 3), tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth is not a PyTorch checkpoint of tensors alone; if whole objects"):
        read_state(tmp_path / "net.pth")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.pth", b"", r"net\.pth is not a PyTorch checkpoint"),
        ("net.pth", b"some text", r"net\.pth is not a PyTorch checkpoint"),
        ("net.safetensors", b"some text", r"net\.safetensors is not a safetensors file"),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_state(tmp_path / name)


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    for content in ({"epoch": 3}, [torch.zeros(1)], {"state_dict": {}}):
        torch.save(content, tmp_path / "net.pth")
        with pytest.raises(InputError, match="holds no weights"):
            read_state(tmp_path / "net.pth")


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 3, bias=False), nn.BatchNorm2d(2))


def test_tensors_of_the_same_names_and_shapes_fit() -> None:
    state = network().state_dict()
    found = fit(state, network())
    assert found.faults == 0
    load(found, target := network())
    assert all(torch.equal(tensor, state[name]) for name, tensor in target.state_dict().items())


def test_a_fully_connected_layer_is_a_1x1_convolution() -> None:
    state = network().state_dict()
    state["0.weight"] = (linear := torch.rand(4, 3))
    load(fit(state, network()), target := network())
    assert torch.equal(target[0].weight[:, :, 0, 0], linear)


def test_counters_of_batch_normalisation_may_be_absent() -> None:
    state = {n: t for n, t in network().state_dict().items() if not n.endswith("num_batches_tracked")}
    found = fit(state, target := network())
    load(found, target)
    assert not found.faults


def test_a_wrong_shape_is_said_with_both() -> None:
    state = {**network().state_dict(), "0.weight": torch.rand(3, 4), "1.weight": torch.rand(2, 4, 5, 5)}
    with torch.device("meta"):
        target = network()
    said = "its tensor '0.weight' is 3x4, but the network's is 4x3x1x1, and 1 more differ"
    assert fit(state, target).describe() == said
    del state["1.weight"]
    assert fit({**state, "1.weight": torch.rand(1)}, target).faults == 2


def test_missing_and_unexpected_tensors_are_named_but_not_all_of_many() -> None:
    state = {f"extra{i}": torch.zeros(1) for i in range(5)} | {"0.weight": torch.rand(4, 3, 1, 1)}
    said = fit(state, network()).describe()
    assert said == (
        "it lacks '0.bias', '1.weight', '2.weight' and 3 more and "
        "it has 'extra0', 'extra1', 'extra2' and 2 more, which the network hasn't"
    )
    assert fit({**network().state_dict(), "x": torch.zeros(1)}, network()).describe() == (
        "it has 'x', which the network hasn't"
    )


def test_a_merged_convolution_goes_into_the_branches() -> None:
    torch.manual_seed(0)
    branched = nn.Sequential(EdgeConv(3, 8), nn.ReLU(), EdgeConv(8, 4))
    state = fused(branched).state_dict()
    assert set(state) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    torch.manual_seed(1)
    target = nn.Sequential(EdgeConv(3, 8), nn.ReLU(), EdgeConv(8, 4))
    found = fit(state, target)
    assert found.faults == 0
    load(found, target)
    image = torch.rand(1, 3, 9, 8)
    with torch.no_grad():
        assert torch.allclose(target(image), branched(image), atol=1e-6)


def test_a_merged_convolution_of_another_width_is_said_with_its_shape() -> None:
    state = fused(nn.Sequential(EdgeConv(3, 8))).state_dict()
    assert (
        "its tensor '0.weight' is 8x3x3x3, but the network's is 8x4x3x3"
        in fit(state, nn.Sequential(EdgeConv(4, 8))).describe()
    )
