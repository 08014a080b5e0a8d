import pytest
import torch

from nas.metrics.edges import EDGE_SHARE, edge_psnr, near_edges
from nas.metrics.pixelwise import peak_signal_to_noise_ratio

from .conftest import DISTORTIONS, pattern


def step(height: int = 40, width: int = 60, at: int = 30) -> torch.Tensor:
    """Dark on the left, bright from column `at` on."""
    image = torch.zeros(1, 1, height, width, dtype=torch.float64)
    image[..., at:] = 100
    return image


def test_near_a_step_are_its_two_columns_and_two_more_on_either_side() -> None:
    near = near_edges(step())
    assert near[0, 0].any(0).nonzero().flatten().tolist() == [27, 28, 29, 30, 31, 32]
    assert near[0, 0].all(0).sum() == 6


def test_errors_elsewhere_do_not_count() -> None:
    hr = step()
    sr = hr.clone()
    sr[..., :20] += 50
    sr[..., 28] += 10
    assert edge_psnr(sr, hr, 255).item() == pytest.approx(10 * torch.tensor(255**2 / (100 / 6)).log10().item())


def test_blur_costs_more_near_edges_and_an_offset_the_same() -> None:
    hr = step()
    blur, offset = DISTORTIONS["blur"](hr), DISTORTIONS["an offset"](hr)
    assert edge_psnr(blur, hr, 255) < peak_signal_to_noise_ratio(blur, hr, 255) - 5
    assert edge_psnr(offset, hr, 255).item() == pytest.approx(peak_signal_to_noise_ratio(offset, hr, 255).item())


def test_a_textured_image_has_a_tenth_of_its_pixels_as_edges_before_they_are_widened() -> None:
    image = torch.rand(1, 1, 100, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    share = near_edges(image).mean().item()
    assert EDGE_SHARE < share <= 25 * EDGE_SHARE


def test_contrast_does_not_change_what_an_edge_is() -> None:
    image = pattern(40, 50)
    assert torch.equal(near_edges(image), near_edges(257 * image))


def test_an_image_without_edges_is_judged_as_a_whole() -> None:
    flat = torch.full((1, 1, 12, 12), 30.0, dtype=torch.float64)
    assert near_edges(flat).all()
    assert edge_psnr(flat + 2, flat, 255).item() == pytest.approx(42.1102, abs=1e-4)


def test_each_image_of_a_batch_has_its_own_edges() -> None:
    batch = torch.cat([step(at=10), step(at=50)])
    assert torch.equal(near_edges(batch), torch.cat([near_edges(image[None]) for image in batch]))
