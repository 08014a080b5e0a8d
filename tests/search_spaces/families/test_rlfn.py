import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from nas.convert.checkpoint import fit, load
from search_spaces import SPACES, Architecture
from search_spaces.families.rlfn import LocalFeatures

SIZES = {"RLFN": (52, 52, 6), "RLFN-S": (48, 48, 6), "RLFN-NTIRE": (46, 48, 4)}


def authors_state(width: int, inner: int, blocks: int, scale: int) -> dict[str, Tensor]:
    """Random tensors under the names of the official code."""
    shapes = {"conv_1": (width, 3, 3), "conv_2": (width, width, 3), "upsampler.0": (3 * scale**2, width, 3)}
    for i in range(1, blocks + 1):
        block = {
            "c1_r": (inner, width, 3),
            "c2_r": (inner, inner, 3),
            "c3_r": (width, inner, 3),
            "c5": (width, width, 1),
            "esa.conv1": (16, width, 1),
            "esa.conv_f": (16, 16, 1),
            "esa.conv2": (16, 16, 3),
            "esa.conv3": (16, 16, 3),
            "esa.conv4": (width, 16, 1),
        }
        shapes |= {f"block_{i}.{name}": shape for name, shape in block.items()}
    state = {}
    for name, (outputs, inputs, kernel) in shapes.items():
        state[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel) / (inputs * kernel**2) ** 0.5
        state[f"{name}.bias"] = 0.1 * torch.randn(outputs)
    return state


@pytest.mark.parametrize("name", SIZES)
def test_weights_of_the_official_code_compute_the_same(name: str) -> None:
    torch.manual_seed(0)
    theirs, network = authors_state(*SIZES[name], 2), Architecture.published(f"rlfn/{name}", 2, 3).build()
    found = fit(SPACES.get("rlfn").translate(theirs, 2, 3), network)
    assert found.faults == 0, found.describe()
    load(found, network)

    def convolved(features: Tensor, name: str) -> Tensor:
        weight = theirs[f"{name}.weight"]
        return F.conv2d(features, weight, theirs[f"{name}.bias"], padding=weight.shape[-1] // 2)

    image = torch.rand(1, 3, 24, 21)
    head = features = convolved(255 * image, "conv_1")
    for i in range(1, SIZES[name][2] + 1):
        refined = features
        for layer in ("c1_r", "c2_r", "c3_r"):
            refined = F.leaky_relu(convolved(refined, f"block_{i}.{layer}"), 0.05)
        mixed = convolved(features + refined, f"block_{i}.c5")
        few = convolved(mixed, f"block_{i}.esa.conv1")
        strided = F.conv2d(few, theirs[f"block_{i}.esa.conv2.weight"], theirs[f"block_{i}.esa.conv2.bias"], stride=2)
        coarse = convolved(F.max_pool2d(strided, 7, 3), f"block_{i}.esa.conv3")
        coarse = F.interpolate(coarse, size=(24, 21), mode="bilinear", align_corners=False)
        gate = convolved(coarse + convolved(few, f"block_{i}.esa.conv_f"), f"block_{i}.esa.conv4")
        features = mixed * gate.sigmoid()
    expected = F.pixel_shuffle(convolved(head + convolved(features, "conv_2"), "upsampler.0"), 2)
    assert torch.allclose(255 * network(image), expected, rtol=1e-4, atol=1e-4 * expected.std().item())


def test_a_block_has_its_own_inner_width() -> None:
    block = LocalFeatures(10, 14, 3, 4)
    assert [layer.weight.shape[:2] for layer in block.convs[::2]] == [(14, 10), (14, 14), (10, 14)]


def test_the_signal_survives_the_deepest_network() -> None:
    torch.manual_seed(0)
    network = Architecture.published("rlfn/RLFN").replaced(width=16, inner=16, blocks=12).build()
    with torch.no_grad():
        features = network.blocks(network.head(torch.rand(1, 1, 32, 32)))
    assert features.isfinite().all() and 1e-3 < features.std() < 10


def test_with_the_image_skip_it_starts_as_bicubic_interpolation() -> None:
    network = Architecture.published("rlfn/RLFN-NTIRE").replaced(image_skip=True, width=8, inner=8).build()
    image = torch.rand(1, 1, 16, 17)
    assert torch.equal(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"))
