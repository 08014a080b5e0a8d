import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.convert.checkpoint import fit, load
from search_spaces import SPACES, Architecture
from search_spaces.families.xlsr import GroupedBlock


def authors_state(scale: int) -> dict[str, Tensor]:
    """Random tensors under the names in AIMET's model zoo."""
    shapes = {"residual": (16, 3, 3), "cnn.0": (32, 3, 3), "cnn.2": (32, 32, 1)}
    for block in (3, 4, 5):
        shapes |= {f"cnn.{block}.net.0": (32, 8, 3), f"cnn.{block}.net.2": (32, 32, 1)}
    shapes |= {"tail.0": (32, 48, 1), "tail.2": (3 * scale**2, 32, 3)}
    state = {}
    for name, (outputs, inputs, kernel) in shapes.items():
        state[f"{name}.weight"] = 1.5 * torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs)
    return state


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_weights_under_the_names_of_the_model_zoo_compute_grouped_blocks_beside_a_convolution(scale: int) -> None:
    torch.manual_seed(0)
    theirs, network = authors_state(scale), Architecture.published("xlsr/XLSR", scale, 3).build()
    found = fit(SPACES.get("xlsr").translate(theirs, scale, 3), network)
    assert found.faults == 0, found.describe()
    load(found, network)

    def convolved(features: Tensor, name: str, groups: int = 1) -> Tensor:
        weight = theirs[f"{name}.weight"]
        return F.conv2d(features, weight, theirs[f"{name}.bias"], padding=weight.shape[-1] // 2, groups=groups)

    image = torch.rand(1, 3, 9, 8)
    features = convolved(F.relu(convolved(image, "cnn.0")), "cnn.2")
    for block in (3, 4, 5):
        features = convolved(F.relu(convolved(features, f"cnn.{block}.net.0", 4)), f"cnn.{block}.net.2")
    features = torch.cat([features, convolved(image, "residual")], dim=1)
    pixels = convolved(F.relu(convolved(features, "tail.0")), "tail.2")
    assert pixels.min() < 0 and pixels.max() > 1
    assert torch.allclose(network(image), F.pixel_shuffle(pixels, scale).clamp(0, 1), atol=1e-5)
    assert sum(tensor.numel() for tensor in theirs.values()) == sum(p.numel() for p in network.parameters())


def test_untrained_blocks_keep_the_power_of_the_features() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 32, 32, 32)
    with torch.no_grad():
        output = nn.Sequential(*(GroupedBlock(32, 4) for _ in range(8)))(features)
    assert 0.2 < output.std() < 5


def test_an_untrained_output_is_not_clipped_so_that_it_has_a_gradient() -> None:
    torch.manual_seed(0)
    output = Architecture.published("xlsr/XLSR").build()(torch.rand(1, 1, 16, 16))
    assert ((output > 0) & (output < 1)).float().mean() > 0.95


def test_with_the_image_skip_it_starts_as_bicubic_interpolation_and_is_not_clipped() -> None:
    network = Architecture.published("xlsr/XLSR").replaced(image_skip=True).build()
    image = 3 * torch.rand(1, 1, 6, 7) - 1
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))
