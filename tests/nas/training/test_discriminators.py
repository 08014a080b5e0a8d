import pytest
import torch
from torch import nn

from nas.training.discriminators import DISCRIMINATORS, Patch, UNet


def test_the_unet_is_as_large_as_real_esrgans() -> None:
    """4,376,897 parameters with three channels (UNetDiscriminatorSN, num_feat 64); two fewer of them here."""
    assert sum(p.numel() for p in UNet(64).parameters()) == 4_376_897 - 2 * 64 * 9


@pytest.mark.parametrize(("height", "width"), [(64, 64), (24, 40), (45, 51)])
def test_the_unet_judges_every_pixel(height: int, width: int) -> None:
    assert UNet(4)(torch.rand(2, 1, height, width)).shape == (2, 1, height, width)


def test_the_other_judges_patches() -> None:
    """PatchGAN has 30 x 30 logits for 256 x 256 pixels (1611.07004, section 6.1.2)."""
    assert Patch(4)(torch.rand(1, 1, 256, 256)).shape == (1, 1, 30, 30)


def test_a_logit_of_the_other_sees_70_pixels() -> None:
    image = torch.rand(1, 1, 256, 256, requires_grad=True)
    Patch(4)(image)[0, 0, 15, 15].backward()
    assert image.grad is not None
    seen = image.grad[0, 0].nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [70, 70]


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_normalised_convolution_stretches_no_vector_by_more_than_one(name: str) -> None:
    torch.manual_seed(0)
    network = DISCRIMINATORS[name](8)
    for _ in range(30):  # each pass improves the estimate of the largest singular value
        network(torch.rand(1, 1, 32, 32))
    normed = [m for m in network.modules() if isinstance(m, nn.Conv2d) and hasattr(m, "parametrizations")]
    assert len(normed) >= 3
    for conv in normed:
        assert torch.linalg.matrix_norm(conv.weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.05)
