import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.span import ExpandedChain
from search_spaces.layers.fused import fused

SPAN = SPACES.get("span")


def authors_state(width: int, scale: int) -> dict[str, torch.Tensor]:
    """A checkpoint as the authors write it: the branches, and beside each the merged convolution."""
    state = {}

    def add(name: str, outputs: int, inputs: int, kernel: int) -> None:
        state[f"{name}.weight"] = torch.rand(outputs, inputs, kernel, kernel)
        state[f"{name}.bias"] = torch.rand(outputs)

    blocks = {f"block_{b}.c{c}_r": width for b in range(1, 7) for c in range(1, 4)}
    for name, inputs in {"conv_1": 3, **blocks, "conv_2": width}.items():
        add(f"{name}.sk", width, inputs, 1)
        add(f"{name}.conv.0", 2 * inputs, inputs, 1)
        add(f"{name}.conv.1", 2 * width, 2 * inputs, 3)
        add(f"{name}.conv.2", width, 2 * width, 1)
        add(f"{name}.eval_conv", width, inputs, 3)
    add("conv_cat", width, 4 * width, 1)
    add("upsampler.0", 3 * scale**2, width, 3)
    return state


@pytest.mark.parametrize(("inputs", "outputs", "expansion"), [(3, 5, 2), (4, 2, 1)])
def test_the_branches_equal_one_convolution_also_at_the_border(inputs: int, outputs: int, expansion: int) -> None:
    layer, image = ExpandedChain(inputs, outputs, expansion), torch.rand(1, inputs, 6, 7)
    # What is padded is the image, so that the biases of the first 1x1 reach across the border.
    chain = layer.last(F.conv2d(layer.first(F.pad(image, (1, 1, 1, 1))), layer.middle.weight, layer.middle.bias))
    assert torch.allclose(layer(image), chain + layer.skip(image), atol=1e-6)
    assert torch.allclose(layer.fuse()(image), layer(image), atol=1e-6)


def test_a_merged_convolution_can_be_trained_on() -> None:
    layer, weight, bias = ExpandedChain(4, 3), torch.rand(3, 4, 3, 3), torch.rand(3)
    layer.absorb(weight, bias)
    merged_weight, merged_bias = layer.merged()
    assert torch.allclose(merged_weight, weight, atol=1e-6)
    assert torch.allclose(merged_bias, bias, atol=1e-6)
    layer(torch.rand(1, 4, 5, 5)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in layer.parameters())


def test_a_released_checkpoint_is_taken() -> None:
    network = Architecture.published("span/SPAN-28", 2, 3).build()
    assert not any(network.load_state_dict(SPAN.translate(authors_state(28, 2), 2, 3)))


def test_a_released_checkpoint_of_merged_convolutions_is_the_inference_form() -> None:
    state = authors_state(28, 4)
    merged = {name: state[name] for name in state if ".sk." not in name and ".conv." not in name}
    network = fused(Architecture.published("span/SPAN-28", 4, 3).build())
    network.load_state_dict(SPAN.translate(merged, 4, 3))
    assert sum(tensor.numel() for tensor in merged.values()) == 150_688


def test_the_first_inner_features_of_the_last_block_reach_the_merge() -> None:
    network = fused(Architecture.published("span/SPAN-28", 2, 1).build())
    image, merged = torch.rand(1, 1, 8, 8), []
    network.merge.register_forward_hook(lambda module, inputs, output: merged.append(inputs[0]))
    last_inputs = []
    network.blocks[-1].convs[0].register_forward_hook(lambda module, inputs, output: last_inputs.append(inputs[0]))
    network(image)
    expected = F.silu(network.blocks[-1].convs[0](last_inputs[0]))
    assert torch.allclose(merged[0][:, 3 * 28 :], expected, atol=1e-5)
