import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.convert.checkpoint import fit, load
from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.families.reprfn import ManyBranches, ResidualFeatures
from search_spaces.layers.edge_conv import FILTERS
from search_spaces.layers.fused import fused

BRANCHES = {"rbr_3x3_branch": (3, 3), "rbr_3x1_branch": (3, 1), "rbr_1x3_branch": (1, 3), "rbr_1x1_branch": (1, 1)}


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.05)


def test_a_convolution_is_the_sum_of_its_branches() -> None:
    torch.manual_seed(0)
    block = ManyBranches(6, 6)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter)
    image = torch.rand(1, 6, 7, 8)
    total = image + block.narrow(block.widen(image))
    for layer in (block.plain, block.column, block.row, block.point):
        total = total + layer(image)
    for name, mask in FILTERS.items():
        branch = block.edges[name]
        total = total + F.conv2d(branch.mix(image), branch.gain * torch.tensor(mask), branch.bias, padding=1, groups=6)
    assert torch.allclose(block(image), total, atol=1e-3)
    assert torch.allclose(block.fuse()(image), total, atol=1e-3)


def test_it_absorbs_any_convolution() -> None:
    block = ManyBranches(4, 4)
    weight, bias = torch.randn(4, 4, 3, 3), torch.randn(4)
    block.absorb(weight, bias)
    image = torch.rand(1, 4, 6, 6)
    assert torch.allclose(block(image), F.conv2d(image, weight, bias, padding=1), atol=1e-5)


def test_a_block_attends_after_its_skip() -> None:
    block = ResidualFeatures(16, 2, 4, "many")
    image = torch.rand(1, 16, 16, 17)
    refined = leaky(block.convs[2](leaky(block.convs[1](leaky(block.convs[0](image))))))
    assert torch.allclose(block(image), block.spatial(image + refined), atol=1e-6)


@pytest.mark.parametrize("branches", ["edge", "none"])
def test_what_it_trains_as_does_not_change_what_it_costs(branches: str) -> None:
    point = Architecture.published("reprfn/RepRFN")
    assert cost(point.replaced(branches=branches)) == cost(point)


def authors_state(*, merged: bool) -> dict[str, Tensor]:
    """Random tensors under the names of the released network of scale 4, or of the one it was trained as."""
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(tensor: str, outputs: int, inputs: int, *kernel: int) -> None:
        shapes.update({f"{tensor}.weight": (outputs, inputs, *kernel), f"{tensor}.bias": (outputs,)})

    for name, inputs in (("fea_conv", 3), ("lr_conv", 48), ("upsampler.conv", 48)):
        convolution(name, 48, inputs, 3, 3)
    for i in range(1, 5):
        convolution(f"reprfb{i}.conv3", 48, 48, 3, 3)
        for name, outputs, inputs, k in (("1", 16, 48, 1), ("_f", 16, 16, 1), ("2", 16, 16, 3), ("3", 16, 16, 3)):
            convolution(f"reprfb{i}.esa.conv{name}", outputs, inputs, k, k)
        convolution(f"reprfb{i}.esa.conv4", 48, 16, 1, 1)
        for block in (f"reprfb{i}.repblock{j}" for j in (1, 2, 3)):
            if merged:
                convolution(f"{block}.rbr_reparam", 48, 48, 3, 3)
                continue
            for branch, kernel in BRANCHES.items():
                convolution(f"{block}.{branch}", 48, 48, *kernel)
            shapes[f"{block}.rbr_1x1_3x3_branch_1x1.weight"] = (96, 48, 1, 1)
            shapes[f"{block}.rbr_1x1_3x3_branch_3x3.weight"] = (48, 96, 3, 3)
            for edge in (f"{block}.rbr_conv1x1_{name}_branch" for name in ("sbx", "sby", "lpl")):
                shapes |= {f"{edge}.k0": (48, 48, 1, 1), f"{edge}.b0": (48,), f"{edge}.bias": (48,)}
                shapes |= {f"{edge}.scale": (48, 1, 1, 1), f"{edge}.mask": (48, 1, 3, 3)}
    return {name: 0.05 * torch.randn(shape) for name, shape in shapes.items()}


def test_the_released_merged_weights_go_into_the_branches() -> None:
    torch.manual_seed(0)
    theirs, network = authors_state(merged=True), Architecture.published("reprfn/RepRFN", 4, 3).build()
    assert sum(tensor.numel() for tensor in theirs.values()) == 401_504
    found = fit(SPACES.get("reprfn").translate(theirs, 4, 3), network)
    assert found.faults == 0, found.describe()
    load(found, network)
    deployed = fused(network)
    weight = deployed.blocks[2].convs[1].weight
    assert torch.allclose(weight, theirs["reprfb3.repblock2.rbr_reparam.weight"], atol=1e-5)
    assert torch.equal(deployed.blocks[2].convs[3].bias, theirs["reprfb3.conv3.bias"])


def test_the_names_of_the_training_form_are_known() -> None:
    state = SPACES.get("reprfn").translate(authors_state(merged=False), 4, 3)
    found = fit(state, Architecture.published("reprfn/RepRFN", 4, 3).build())
    assert found.faults == 0, found.describe()
