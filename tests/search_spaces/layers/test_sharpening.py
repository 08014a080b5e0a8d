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


def test_detail_of_less_than_a_step_of_half_precision_is_seen() -> None:
    fine = 0.9 + 0.002 * (torch.arange(64).view(8, 8) % 2)  # steps of bfloat16 near 0.9 are 0.004
    with torch.autocast("cpu", torch.bfloat16):
        seen = Sharpening()(fine[None, None])
    assert seen.dtype == torch.float32 and seen.std() > 4 * fine.std()


def test_half_precision_stays_half_precision() -> None:
    assert Sharpening()(torch.rand(1, 1, 8, 8).half()).dtype == torch.float16
