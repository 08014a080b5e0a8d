import math

import pytest
import torch

from nas.metrics.hvs import psnr_hvs, psnr_hvs_m
from nas.metrics.pixelwise import peak_signal_to_noise_ratio

from .conftest import DISTORTIONS, pattern

REFERENCE = {
    ((64, 72), "a little noise"): (39.608653, 44.845890),
    ((64, 72), "much noise"): (26.732824, 30.638968),
    ((64, 72), "blur"): (36.186389, 39.491394),
    ((64, 72), "an offset"): (37.982090, 37.982090),
    ((61, 75), "a little noise"): (39.797123, 45.059432),
    ((61, 75), "much noise"): (26.622909, 30.492165),
    ((61, 75), "blur"): (37.255358, 41.071952),
    ((61, 75), "an offset"): (37.982090, 37.982090),
}
"""PSNR-HVS and PSNR-HVS-M in dB as psnr-hvsm 0.3.0 gives them, whose tables have six digits."""


@pytest.mark.parametrize(("size", "distortion"), REFERENCE)
def test_both_equal_the_reference_program(size: tuple[int, int], distortion: str) -> None:
    hr = pattern(*size)
    sr = DISTORTIONS[distortion](hr)
    weighted, masked = REFERENCE[size, distortion]
    assert psnr_hvs(sr, hr, 255).item() == pytest.approx(weighted, abs=5e-6)
    assert psnr_hvs_m(sr, hr, 255).item() == pytest.approx(masked, abs=5e-6)


def test_white_noise_weighs_as_much_as_in_psnr() -> None:
    hr = torch.full((1, 1, 512, 512), 128.0, dtype=torch.float64)
    sr = hr + 8 * torch.randn(hr.shape, dtype=hr.dtype, generator=torch.Generator().manual_seed(0))
    assert psnr_hvs(sr, hr, 255).item() == pytest.approx(peak_signal_to_noise_ratio(sr, hr, 255).item(), abs=0.05)


def test_fine_errors_are_hidden_by_contrast_and_a_shift_of_the_mean_is_not() -> None:
    hr = pattern(64, 64)
    fine = hr + 4 * (-1) ** torch.arange(64)
    assert psnr_hvs_m(fine, hr, 255) > psnr_hvs(fine, hr, 255) + 1
    assert torch.equal(psnr_hvs_m(hr + 4, hr, 255), psnr_hvs(hr + 4, hr, 255))


def test_sixteen_bits_are_judged_as_eight() -> None:
    hr = pattern(32, 40)
    sr = DISTORTIONS["blur"](hr)
    for compute in (psnr_hvs, psnr_hvs_m):
        torch.testing.assert_close(compute(257 * sr, 257 * hr, 65535), compute(sr, hr, 255))


@pytest.mark.parametrize("compute", [psnr_hvs, psnr_hvs_m])
def test_equal_images_have_no_error_and_flat_ones_a_finite_one(compute: object) -> None:
    assert callable(compute)
    flat = torch.full((1, 1, 16, 16), 7.0, dtype=torch.float64)
    assert compute(flat, flat, 255).item() == math.inf
    assert compute(flat + 1, flat, 255).item() < 100
