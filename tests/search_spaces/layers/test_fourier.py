import pytest
import torch
from torch import Tensor

from search_spaces.layers.fourier import fit_to_data, transfer


def blurred(image: Tensor, kernel: Tensor) -> Tensor:
    """A periodic convolution, a tap at a time."""
    rows, columns = kernel.shape
    total = torch.zeros_like(image)
    for y in range(rows):
        for x in range(columns):
            total += kernel[y, x] * image.roll((y - rows // 2, x - columns // 2), dims=(-2, -1))
    return total


def random(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("size", [(1, 1), (5, 4), (4, 9)])
@pytest.mark.parametrize("image", [(8, 10), (3, 4), (1, 1)])
def test_a_spectrum_blurs_around_the_centre_and_wraps(image: tuple[int, int], size: tuple[int, int]) -> None:
    x, kernel = random(2, 3, *image), random(*size)
    spectrum = transfer(kernel[None, None], *image)
    assert torch.allclose(torch.fft.ifft2(spectrum * torch.fft.fft2(x)).real, blurred(x, kernel), atol=1e-4)


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_the_fit_minimises_the_sum_of_both_squares(scale: int) -> None:
    image, estimate, kernel = random(2, 1, 3, 4), random(2, 1, 3 * scale, 4 * scale), random(3, 3)
    weight = torch.tensor([0.05, 2.0]).view(2, 1, 1, 1)
    fit = fit_to_data(estimate, image, transfer(kernel[None, None], *estimate.shape[-2:]), weight, scale)
    z = fit.requires_grad_()
    data = (image - blurred(z, kernel)[..., ::scale, ::scale]).square().sum((1, 2, 3))
    prior = (z - estimate).square().sum((1, 2, 3))
    loss = (data + weight.flatten() * prior).sum()
    (slope,) = torch.autograd.grad(loss, z)
    assert slope.abs().max() < 1e-4


def test_a_heavy_weight_keeps_the_estimate_and_a_light_one_the_image() -> None:
    image, estimate, kernel = random(1, 1, 6, 6), random(1, 1, 12, 12), random(3, 3)
    kernel = kernel / kernel.sum()
    spectrum = transfer(kernel[None, None], 12, 12)
    heavy, light = (fit_to_data(estimate, image, spectrum, torch.full((1, 1, 1, 1), w), 2) for w in (1e6, 1e-6))
    assert torch.allclose(heavy, estimate, atol=1e-4)
    assert torch.allclose(blurred(light, kernel)[..., ::2, ::2], image, atol=1e-3)
