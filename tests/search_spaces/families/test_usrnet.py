import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces import SPACES
from search_spaces.families.usrnet import usrnet
from search_spaces.layers.conditioning import bicubic_kernel

SPACE = SPACES.get("usrnet")
SMALL = usrnet(2, 8, 4, 1, 16)


def authors_data_step(x: Tensor, y: Tensor, kernel: Tensor, alpha: Tensor, scale: int) -> Tensor:
    """Equation (7) of the paper, as it stands there."""
    height, width = x.shape[-2:]
    size = kernel.shape[-1]
    blur = torch.zeros(height, width)
    blur[:size, :size] = kernel
    spectrum = torch.fft.fft2(blur.roll((-(size // 2), -(size // 2)), (0, 1)))
    spread = torch.zeros_like(x)
    spread[..., ::scale, ::scale] = y
    d = spectrum.conj() * torch.fft.fft2(spread) + alpha * torch.fft.fft2(x)

    def folded(values: Tensor) -> Tensor:
        blocks = [b for rows in values.chunk(scale, -2) for b in rows.chunk(scale, -1)]
        return torch.stack(blocks).mean(0)

    ratio = folded(spectrum * d) / (folded(spectrum.abs() ** 2) + alpha)
    return torch.fft.ifft2((d - spectrum.conj() * ratio.repeat(1, 1, scale, scale)) / alpha).real


@pytest.mark.parametrize("scale", [2, 3])
def test_it_fits_the_image_and_denoises_in_turns(scale: int) -> None:
    torch.manual_seed(0)
    network = SPACE.build(SMALL, scale, 1).eval()
    image, kernel, noise = torch.rand(2, 1, 9, 8), torch.rand(7, 7), torch.tensor([0.02, 0.1]).view(2, 1, 1, 1)
    kernel = kernel / kernel.sum()
    with torch.no_grad():
        settings = network.hyper(torch.cat((noise, torch.full_like(noise, scale)), 1)) + 1e-6
        x = F.interpolate(image, scale_factor=scale, mode="nearest")
        for i in range(2):
            z = authors_data_step(x, image, kernel, settings[:, i : i + 1], scale)
            x = network.prior(torch.cat((z, settings[:, 2 + i : 3 + i].expand_as(z)), 1))
        assert torch.allclose(network(image, kernel[None, None], noise), x, atol=1e-5)


def test_without_being_told_the_image_is_bicubic_and_clean() -> None:
    network, image = SPACE.build(SMALL, 2, 1).eval(), torch.rand(1, 1, 9, 8)
    with torch.no_grad():
        assert torch.equal(network(image), network(image, bicubic_kernel(2)[None, None], 0.0))


def test_the_fit_alone_agrees_with_bicubic_down_sampling() -> None:
    """With a prior that changes nothing and a light weight, down-sampling the result gives the image."""

    class Unchanged(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image[:, :1]

    network = SPACE.build(SMALL, 2, 1).eval()
    network.prior = Unchanged()
    nn.init.constant_(network.hyper[-2].bias, -8.0)
    nn.init.zeros_(network.hyper[-2].weight)
    image = torch.rand(1, 1, 24, 30, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        output = network(image)
    for estimate, least, most in ((output, 0.0, 0.01), (F.interpolate(image, scale_factor=2.0), 0.03, 1.0)):
        again = F.interpolate(estimate, scale_factor=0.5, mode="bicubic", antialias=True, align_corners=False)
        assert least <= (again - image)[..., 4:-4, 4:-4].abs().mean() < most


def test_the_settings_are_positive_and_depend_on_noise_and_scale() -> None:
    network = SPACE.build(SMALL, 2, 1)
    told = torch.tensor([[0.0, 2.0], [0.1, 2.0], [0.0, 3.0]]).view(3, 2, 1, 1)
    settings = network.hyper(told)
    assert settings.shape == (3, 4, 1, 1) and settings.min() > 0
    assert not torch.equal(settings[0], settings[1]) and not torch.equal(settings[0], settings[2])


def test_the_authors_tensors_have_a_place() -> None:
    widths = (8, 16, 32, 64)
    blocks = {"m_body.0": 64} | {f"m_down{i + 1}.0": widths[i] for i in range(3)}
    blocks |= {f"m_up{i + 1}.1": widths[i] for i in range(3)}
    theirs = {f"p.{name}.res.{i}.weight": torch.rand(w, w, 3, 3) for name, w in blocks.items() for i in (0, 2)}
    theirs |= {"p.m_head.weight": torch.rand(8, 2, 3, 3), "p.m_tail.weight": torch.rand(1, 8, 3, 3)}
    for i in range(3):
        theirs[f"p.m_down{i + 1}.1.weight"] = torch.rand(widths[i + 1], widths[i], 2, 2)
        theirs[f"p.m_up{i + 1}.0.weight"] = torch.rand(widths[i + 1], widths[i], 2, 2)
    for i, (outputs, inputs) in enumerate([(16, 2), (16, 16), (4, 16)]):
        theirs[f"h.mlp.{2 * i}.weight"] = torch.rand(outputs, inputs, 1, 1)
        theirs[f"h.mlp.{2 * i}.bias"] = torch.rand(outputs)
    assert not any(SPACE.build(SMALL, 2, 1).load_state_dict(SPACE.translate(theirs, 2, 1)))
