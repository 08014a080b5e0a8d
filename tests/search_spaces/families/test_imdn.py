import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.convert.checkpoint import fit
from search_spaces import SPACES, Architecture
from search_spaces.families.imdn import Imdn, ImdnChoices, MultiDistillation

CONVS = ((64, 64, 3), (64, 48, 3), (64, 48, 3), (16, 48, 3), (64, 64, 1))
"""Outputs, inputs and kernels of c1..c5 of a block of IMDN."""


def leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.05)


def test_a_block_keeps_a_part_of_each_convolution_and_passes_the_rest_on() -> None:
    torch.manual_seed(0)
    block = MultiDistillation(12, 3, attention=False)
    image = torch.randn(1, 12, 6, 7)
    first = leaky(block.convs[0](image))
    second = leaky(block.convs[1](first[:, 3:]))
    third = leaky(block.convs[2](second[:, 3:]))
    parts = [first[:, :3], second[:, :3], third[:, :3], block.convs[3](third[:, 3:])]
    assert torch.equal(block(image), image + block.merge(torch.cat(parts, dim=1)))


def test_the_attention_gates_what_was_kept() -> None:
    torch.manual_seed(0)
    block, image = MultiDistillation(8, 2, attention=True), torch.randn(1, 8, 6, 7)
    gate = block.attention.gate[2]
    torch.nn.init.zeros_(gate.weight)
    torch.nn.init.constant_(gate.bias, -100)
    assert torch.allclose(block(image), image + block.merge.bias.view(1, -1, 1, 1), atol=1e-6)


@pytest.mark.parametrize("gathered", [False, True])
def test_the_trunk_sees_all_blocks_only_where_they_are_gathered(gathered: bool) -> None:
    torch.manual_seed(0)
    chosen = ImdnChoices(image_skip=False, width=8, blocks=3, kept_eighths=2, attention=False, gathered=gathered)
    network = Imdn(chosen, scale=2, channels=1)
    for block in network.blocks[1:]:
        torch.nn.init.zeros_(block.merge.weight)
    image = torch.rand(1, 1, 5, 6)
    head = network.head(image)
    outputs = [network.blocks[0](head)]
    outputs += [outputs[0] + network.blocks[1].merge.bias.view(1, -1, 1, 1)]
    outputs += [outputs[1] + network.blocks[2].merge.bias.view(1, -1, 1, 1)]
    trunk = network.gather(torch.cat(outputs, dim=1)) if gathered else outputs[-1]
    assert torch.allclose(network(image), network.upsample(network.trunk(trunk) + head), atol=1e-6)
    assert network.trunk.kernel_size == ((3, 3) if gathered else (1, 1))


def convolutions(shapes: dict[str, tuple[int, int, int]]) -> dict[str, Tensor]:
    """Weights and biases of convolutions given by outputs, inputs and kernel."""
    weights = {f"{name}.weight": torch.zeros(o, i, k, k) for name, (o, i, k) in shapes.items()}
    return weights | {f"{name}.bias": torch.zeros(o) for name, (o, _, _) in shapes.items()}


def test_the_names_of_the_released_imdn_are_known() -> None:
    shapes = {"fea_conv": (64, 3, 3), "c.0": (64, 384, 1), "LR_conv": (64, 64, 3), "upsampler.0": (12, 64, 3)}
    for i in range(1, 7):
        shapes |= {f"IMDB{i}.c{j}": shape for j, shape in enumerate(CONVS, start=1)}
        shapes |= {f"IMDB{i}.cca.conv_du.0": (4, 64, 1), f"IMDB{i}.cca.conv_du.2": (64, 4, 1)}
    state = {f"module.{name}": tensor for name, tensor in convolutions(shapes).items()}
    found = fit(SPACES.get("imdn").translate(state, 2, 3), Architecture.published("imdn/IMDN", 2, 3).build())
    assert found.faults == 0, found.describe()


def test_the_names_of_the_released_imdn_rtc_are_known() -> None:
    shapes = {"model.0": (12, 3, 3), "model.1.sub.5": (12, 12, 1), "model.2": (12, 12, 3)}
    convs = ((12, 12, 3), (12, 9, 3), (12, 9, 3), (3, 9, 3), (12, 12, 1))
    for i in range(5):
        shapes |= {f"model.1.sub.{i}.c{j}": shape for j, shape in enumerate(convs, start=1)}
    found = fit(
        SPACES.get("imdn").translate(convolutions(shapes), 2, 3), Architecture.published("imdn/IMDN-RTC", 2, 3).build()
    )
    assert found.faults == 0, found.describe()
