import pytest
import torch

from search_spaces.layers.sharpening import SHARPNESS, Sharpening


def test_brightness_stays_and_detail_is_amplified() -> None:
    image = torch.full((1, 2, 9, 9), 0.4)
    image[0, 0, 4, 4] = 0.5
    seen = Sharpening()(image)
    assert torch.allclose(seen[0, 1], image[0, 1])
    assert seen[0, 0, 4, 4] == pytest.approx(0.5 + SHARPNESS * 0.1 * 8 / 9)
    assert seen[0, 0, 4, 5] == pytest.approx(0.4 - SHARPNESS * 0.1 / 9)
    assert seen[0, 0, 4, 6] == pytest.approx(0.4)


def test_the_border_is_no_edge() -> None:
    ramp = torch.linspace(0.2, 0.8, 8).repeat(8, 1)[None, None]
    assert torch.allclose(Sharpening()(ramp)[..., 1:-1], ramp[..., 1:-1], atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_in_half_precision_only_the_result_is_rounded(kind: torch.dtype) -> None:
    """A mean that is rounded before the difference is taken would err by five times its rounding."""
    image = (0.8 + 0.05 * torch.rand(1, 1, 32, 32)).to(kind)
    seen = Sharpening()(image)
    assert seen.dtype == kind
    assert torch.equal(seen, Sharpening()(image.float()).to(kind))
