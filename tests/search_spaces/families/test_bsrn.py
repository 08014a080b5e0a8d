import pytest
import torch
from torch import Tensor

from nas.convert.checkpoint import fit
from search_spaces import SPACES, Architecture
from search_spaces.families.bsrn import ChannelGain, SeparableDistillation
from search_spaces.layers.attention import ContrastAttention

Shapes = dict[str, tuple[int, ...]]


def test_a_block_is_distillation_and_two_attentions_with_a_skip() -> None:
    torch.manual_seed(0)
    block = SeparableDistillation(16, 8, 3, pointwise_bias=False, plain_reduction=False, channel="contrast")
    image = torch.rand(1, 16, 17, 18)
    assert torch.equal(block(image), image + block.channel(block.spatial(block.distillation(image))))
    assert isinstance(block.channel, ContrastAttention)


def test_the_small_network_has_a_gain_a_channel_instead_of_attention() -> None:
    torch.manual_seed(0)
    block = SeparableDistillation(16, 8, 3, pointwise_bias=True, plain_reduction=True, channel="gain")
    gain, mix = block.channel
    image = torch.rand(1, 16, 4, 5)
    assert isinstance(gain, ChannelGain)
    assert torch.equal(block.channel(image), mix(image * gain.gain))
    assert gain.gain.mean().item() == pytest.approx(1, abs=0.2)
    assert block.spatial.reduce.weight.shape == (4, 4, 3, 3)


def test_the_image_enters_four_times() -> None:
    network = Architecture.published("bsrn/BSRN", 2, 3).build()
    image = torch.rand(1, 3, 5, 6)
    mixed = network.head.pointwise.weight.view(64, 4, 3, 1, 1).sum(1)
    entered = network.head.depthwise(torch.conv2d(image, mixed))
    assert torch.allclose(network.head(torch.cat([image] * 4, dim=1)), entered, atol=1e-6)
    assert network(image).shape == (1, 3, 10, 12)


def test_all_blocks_are_gathered() -> None:
    torch.manual_seed(0)
    network = Architecture.published("bsrn/BSRN-S").replaced(blocks=2).build()
    image = torch.rand(1, 1, 16, 17)
    head = network.head(image.repeat(1, 4, 1, 1))
    first = network.blocks[0](head)
    gathered = network.gather(torch.cat([first, network.blocks[1](first)], dim=1))
    assert torch.allclose(network(image), network.upsample(network.trunk(gathered) + head), atol=1e-6)


def authors_shapes(width: int, blocks: int, scale: int, *, small: bool) -> Shapes:
    """Names and shapes of the released weights; in those of BSRN-S, 1x1 convolutions are fully connected layers."""
    half, few = width // 2, width // 4
    shapes: Shapes = {}

    def pointwise(name: str, outputs: int, inputs: int, *, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs) if small else (outputs, inputs, 1, 1)
        shapes.update({f"{name}.bias": (outputs,)} if bias else {})

    def separable(name: str, outputs: int, inputs: int) -> None:
        pointwise(f"{name}.pw", outputs, inputs, bias=small)
        shapes.update({f"{name}.dw.weight": (outputs, 1, 3, 3), f"{name}.dw.bias": (outputs,)})

    separable("fea_conv", width, 12)
    for i in range(1, blocks + 1):
        for j in range(1, 4):
            pointwise(f"B{i}.c{j}_d", half, width)
            separable(f"B{i}.c{j}_r", width, width)
        separable(f"B{i}.c4", half, width)
        pointwise(f"B{i}.c5", width, 4 * half)
        pointwise(f"B{i}.esa.conv1", few, width)
        pointwise(f"B{i}.esa.conv_f", few, few)
        for name in ("conv_max", "conv3", "conv3_"):
            separable(f"B{i}.esa.{name}", few, few)
        pointwise(f"B{i}.esa.conv4", width, few)
        if small:
            shapes |= {f"B{i}.esa.conv2.weight": (few, few, 3, 3), f"B{i}.esa.conv2.bias": (few,)}
            shapes[f"B{i}.cw"] = (1, width)
            pointwise(f"B{i}.conv_out", width, width)
        else:
            separable(f"B{i}.esa.conv2", few, few)
            pointwise(f"B{i}.cca.conv_du.0", width // 16, width)
            pointwise(f"B{i}.cca.conv_du.2", width, width // 16)
    pointwise("c1", width, blocks * width)
    separable("c2", width, width)
    last = "upsampler.upsampleOneStep.0"
    return shapes | {f"{last}.weight": (3 * scale**2, width, 3, 3), f"{last}.bias": (3 * scale**2,)}


@pytest.mark.parametrize(
    ("name", "scale", "shapes"),
    [("BSRN", 2, authors_shapes(64, 8, 2, small=False)), ("BSRN-S", 4, authors_shapes(48, 5, 4, small=True))],
)
def test_the_names_of_the_released_weights_are_known(name: str, scale: int, shapes: Shapes) -> None:
    state: dict[str, Tensor] = {tensor: torch.zeros(shape) for tensor, shape in shapes.items()}
    network = Architecture.published(f"bsrn/{name}", scale, 3).build()
    found = fit(SPACES.get("bsrn").translate(state, scale, 3), network)
    assert found.faults == 0, found.describe()


def test_the_small_network_has_as_many_parameters_at_scale_4_as_its_released_weights() -> None:
    network = Architecture.published("bsrn/BSRN-S", 4, 3).build()
    assert sum(p.numel() for p in network.parameters()) == 156_288
