import torch
from torch import nn

from nas.convert.checkpoint import fit, load
from search_spaces.layers.edge_conv import EdgeConv
from search_spaces.layers.fused import fused


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
        "it has 'extra0', 'extra1', 'extra2' and 2 more, which the network doesn't have"
    )
    assert fit({**network().state_dict(), "x": torch.zeros(1)}, network()).describe() == (
        "it has 'x', which the network doesn't have"
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
