import math

import pytest
import torch
from torch.nn import functional as F

from search_spaces.layers.conditioning import bicubic_kernel, gaussian_kernels, kernel_basis, level_of, planes


@pytest.mark.parametrize(
    "noise", [0.2, torch.tensor(0.2), torch.full((1, 1, 1, 1), 0.2), torch.full((2, 1, 1, 1), 0.2)]
)
def test_a_noise_level_is_a_number_or_a_tensor(noise: float | torch.Tensor) -> None:
    image = torch.rand(2, 3, 4, 5)
    assert torch.equal(planes(level_of(noise, image), image), torch.full((2, 1, 4, 5), 0.2))


def test_each_image_has_its_own_noise_level() -> None:
    level = torch.tensor([0.1, 0.3]).view(2, 1, 1, 1)
    assert planes(level_of(level, torch.rand(2, 1, 4, 5)), torch.rand(2, 1, 2, 2))[
        :, 0, 0, 0
    ].tolist() == pytest.approx([0.1, 0.3])


def test_a_gaussian_kernel_has_the_variances_asked_for_along_its_axes() -> None:
    angle = 0.5
    kernel = gaussian_kernels(torch.tensor([[4.0, 1.0]]), torch.tensor([angle]), 25)[0]
    line = torch.arange(25) - 12.0
    y, x = line[:, None].expand(25, 25), line[None].expand(25, 25)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    assert kernel.sum().item() == pytest.approx(1)
    assert (kernel * along.square()).sum().item() == pytest.approx(4, rel=0.01)
    assert (kernel * across.square()).sum().item() == pytest.approx(1, rel=0.01)
    assert (kernel * along * across).sum().item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_bicubic_kernel_and_every_scale_th_pixel_are_bicubic_down_sampling(scale: int) -> None:
    image = torch.rand(1, 1, 20 * scale, 24 * scale, generator=torch.Generator().manual_seed(0))
    kernel = bicubic_kernel(scale)
    # A convolution, so the kernel is turned around.
    blurred = F.conv2d(image, kernel.flip(0, 1)[None, None], padding=len(kernel) // 2)
    expected = F.interpolate(image, size=(20, 24), mode="bicubic", antialias=True, align_corners=False)
    inside = (..., slice(4, -4), slice(4, -4))
    assert torch.allclose(blurred[..., ::scale, ::scale][inside], expected[inside], atol=1e-5)


def test_the_basis_is_orthonormal_and_holds_the_gaussians() -> None:
    basis = kernel_basis(15, 15)
    assert torch.allclose(basis @ basis.T, torch.eye(15), atol=1e-5)
    kernels = gaussian_kernels(torch.tensor([[1.3, 1.3], [8.0, 2.0]]), torch.tensor([0.0, 1.1]), 15).flatten(1)
    lost = (kernels - kernels @ basis.T @ basis).square().sum(1) / kernels.square().sum(1)
    assert lost.max() < 0.01


def test_the_components_come_in_the_order_of_what_they_explain_and_with_a_sign() -> None:
    basis, generator = kernel_basis(15, 25), torch.Generator().manual_seed(0)
    variances, angles = (
        0.1 + 12 * torch.rand(4000, 2, generator=generator),
        3.14 * torch.rand(4000, generator=generator),
    )
    explained = (gaussian_kernels(variances, angles, 15).flatten(1) @ basis.T).square().mean(0)
    assert explained[0] > 2 * explained[1] > 4 * explained[2]
    assert explained[:5].sum() > 0.9 * explained.sum()
    assert (basis.amax(dim=1) > -basis.amin(dim=1)).all()
    assert torch.equal(basis[:15], kernel_basis(15, 15))
