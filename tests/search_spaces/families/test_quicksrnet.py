from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture

SIZES = {"QuickSRNet-small": (32, 2), "QuickSRNet-medium": (32, 5), "QuickSRNet-large": (64, 11)}


def authors_state(width: int, blocks: int, scale: int, *, anchor: bool) -> dict[str, Tensor]:
    """Random tensors under the names in AIMET's model zoo."""
    state = {}

    def add(name: str, outputs: int, inputs: int, kernel: int) -> None:
        state[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs)

    for i, (inputs, outputs) in enumerate(pairwise([3, *[width] * (blocks + 1)])):
        add(f"cnn.{2 * i}", outputs, inputs, 3)
    add("conv_last", 3 * scale**2, width, 3)
    if anchor:
        add("anchor.net", 3 * scale**2, 3, 1)
    return state


@pytest.mark.parametrize("name", SIZES)
def test_released_weights_compute_a_clipped_chain(name: str) -> None:
    torch.manual_seed(0)
    (width, blocks), scale, anchor = SIZES[name], 2, name == "QuickSRNet-large"
    theirs = authors_state(width, blocks, scale, anchor=anchor)
    network = Architecture.published(f"quicksrnet/{name}", scale, 3).build()
    network.load_state_dict(SPACES.get("quicksrnet").translate(theirs, scale, 3))
    image = torch.rand(1, 3, 9, 8)
    features = image
    for i in range(blocks + 1):
        features = F.conv2d(features, theirs[f"cnn.{2 * i}.weight"], theirs[f"cnn.{2 * i}.bias"], padding=1)
        features = features.clamp(0, 1)
    pixels = F.conv2d(features, theirs["conv_last.weight"], theirs["conv_last.bias"], padding=1)
    if anchor:
        pixels = pixels + F.conv2d(image, theirs["anchor.net.weight"], theirs["anchor.net.bias"])
    assert torch.allclose(network(image), F.pixel_shuffle(pixels.clamp(0, 1), scale), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "scale", "params"),
    [("QuickSRNet-small", 4, 33_264), ("QuickSRNet-large", 3, 423_687), ("QuickSRNet-large", 4, 435_888)],
)
def test_it_has_the_parameters_of_the_reference_code(name: str, scale: int, params: int) -> None:
    assert cost(Architecture.published(f"quicksrnet/{name}", scale, 3)).params == params


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("learned_skip", [False, True])
def test_without_its_random_weights_it_starts_as_copied_pixels(channels: int, learned_skip: bool) -> None:
    """The initial weights are the identity plus random weights: the mean of many networks is a copy of the pixels."""
    point = Architecture.published("quicksrnet/QuickSRNet-small", 2, channels).replaced(learned_skip=learned_skip)
    networks = [point.replaced(width=8, blocks=1).build() for _ in range(200)]
    mean = networks[0]
    states = [network.state_dict() for network in networks]
    mean.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    image = 0.2 + 0.6 * torch.rand(1, channels, 5, 6)
    assert torch.allclose(mean(image), F.interpolate(image, scale_factor=2, mode="nearest"), atol=0.1)


def test_with_the_image_skip_it_starts_as_bicubic_interpolation() -> None:
    network = Architecture.published("quicksrnet/QuickSRNet-large").replaced(image_skip=True, width=8).build()
    image = torch.rand(1, 1, 6, 7)
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))


def test_the_image_skip_replaces_the_learned_skip() -> None:
    large = Architecture.published("quicksrnet/QuickSRNet-large").replaced(image_skip=True)
    assert large == large.replaced(learned_skip=False)
    assert cost(large) == cost(large.replaced(learned_skip=False))
