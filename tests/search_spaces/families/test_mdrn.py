import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nas.convert.checkpoint import fit
from search_spaces import SPACES, Architecture
from search_spaces.families.mdrn import DispersionAttention, EnhancedContrastAttention, local_variance
from search_spaces.layers.mean_shift import DIV2K_MEAN


def test_the_variance_is_that_of_reflected_windows() -> None:
    image = torch.randn(2, 3, 15, 19)
    windows = F.pad(image, (1, 1, 1, 1), mode="reflect").unfold(2, 7, 3).unfold(3, 7, 3)
    assert torch.allclose(local_variance(image), windows.flatten(-2).var(-1), atol=1e-5)


def test_the_attention_sees_maxima_over_three_distances_and_the_variance() -> None:
    torch.manual_seed(0)
    block = DispersionAttention(16, 3, dispersion=True)
    image = torch.randn(1, 16, 30, 33)
    squeezed = block.squeeze(image)
    maps = [reduce(squeezed) for reduce in block.reduce]
    assert [x.shape[-2:] for x in maps] == [(15, 17)] * 4
    coarse = [F.max_pool2d(maps[0], 3, 3, 1), F.max_pool2d(maps[1], 5, 3), F.max_pool2d(maps[2], 7, 3, 1)]
    coarse[2] = coarse[2] + local_variance(maps[3])
    levels = [F.interpolate(f(x), (30, 33), mode="bilinear") for f, x in zip(block.body, coarse, strict=True)]
    gate = block.expand(sum(levels) + block.shortcut(squeezed)).sigmoid()
    assert torch.allclose(block(image), image + image * gate, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_fewer_levels_are_the_widest_ones(levels: int) -> None:
    block = DispersionAttention(16, levels, dispersion=False)
    assert [window for window, _ in block.pools] == [3, 5, 7][-levels:]
    assert len(block.reduce) == len(block.body) == levels
    assert block(torch.rand(1, 16, 20, 21)).shape == (1, 16, 20, 21)


def test_the_channel_attention_has_a_skip() -> None:
    block = EnhancedContrastAttention(16)
    image = torch.rand(1, 16, 5, 6)
    assert torch.equal(block(image), image + block.body(image))
    assert block.body[3].groups == 16


def test_the_mean_of_colour_images_is_taken_off_and_given_back() -> None:
    network = Architecture.published("mdrn/MDRN-S", 2, 3).build()
    for layer in (network.head, network.upsample.last):
        nn.init.zeros_(layer.bias)
    network.trunk = nn.Module()
    network.trunk.forward = lambda features: torch.zeros_like(features)
    mean = torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1)
    output = network(mean.expand(1, 3, 4, 5))
    assert torch.allclose(output, mean.expand(1, 3, 8, 10))
    assert Architecture.published("mdrn/MDRN-S", 2, 3).replaced(image_skip=True).build().network.shift is None


def test_it_takes_images_that_are_smaller_than_its_windows() -> None:
    network = Architecture.published("mdrn/MDRN-S").replaced(blocks=1).build()
    for height, width in ((2, 2), (2, 40), (14, 15)):
        assert network(torch.rand(1, 1, height, width)).shape == (1, 1, 2 * height, 2 * width)


@pytest.mark.parametrize(("name", "width", "scale", "count"), [("MDRN", 56, 2, 303_724), ("MDRN-S", 28, 4, 95_396)])
def test_the_names_of_the_released_weights_are_known(name: str, width: int, scale: int, count: int) -> None:
    half, few = width // 2, width // 4
    shapes: dict[str, tuple[int, ...]] = {}

    def convolution(tensor: str, outputs: int, inputs: int, kernel: int) -> None:
        shapes.update({f"{tensor}.weight": (outputs, inputs, kernel, kernel), f"{tensor}.bias": (outputs,)})

    def separable(tensor: str, outputs: int, inputs: int) -> None:
        shapes[f"{tensor}.pw.weight"] = (outputs, inputs, 1, 1)
        convolution(f"{tensor}.dw", outputs, 1, 3)

    convolution("fea_conv", width, 3, 3)
    for i in range(1, 9):
        for j in range(1, 4):
            convolution(f"B{i}.c{j}_d", half, width, 1)
            separable(f"B{i}.c{j}_r", width, width)
        separable(f"B{i}.c4", half, width)
        convolution(f"B{i}.c5", width, 4 * half, 1)
        spatial, channel = f"B{i}.esa.body.0", f"B{i}.cca.body"
        convolution(f"{spatial}.conv1", few, width, 1)
        convolution(f"{spatial}.conv_f", few, few, 1)
        for part in ("conv2_0", "conv2_1", "conv2_2", "conv2_3"):
            separable(f"{spatial}.{part}", few, few)
        for level in range(3):
            separable(f"{spatial}.conv_max_{level}", few, few)
            separable(f"{spatial}.conv3_{level}", few, few)
        convolution(f"{spatial}.conv4", width, few, 1)
        convolution(f"{channel}.0", width, width, 1)
        convolution(f"{channel}.2.conv_du.0", width // 16, width, 1)
        convolution(f"{channel}.2.conv_du.2", width, width // 16, 1)
        convolution(f"{channel}.3", width, 1, 3)
    convolution("c1", width, 8 * width, 1)
    separable("c2", width, width)
    convolution("upsampler.upsampleOneStep.0", 3 * scale**2, width, 3)
    state = {tensor: torch.zeros(shape) for tensor, shape in shapes.items()}
    assert sum(tensor.numel() for tensor in state.values()) == count
    network = Architecture.published(f"mdrn/{name}", scale, 3).build()
    found = fit(SPACES.get("mdrn").translate(state, scale, 3), network)
    assert found.faults == 0, found.describe()
