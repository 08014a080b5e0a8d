import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.families.dpsr import dpsr

SPACE = SPACES.get("dpsr")


def test_without_iterations_it_is_the_prior_told_the_noise() -> None:
    network, image = SPACE.build(dpsr(0, 16, 2), 2, 1), torch.rand(1, 1, 6, 7)
    assert torch.equal(network(image, noise=0.1), network.prior(torch.cat((image, torch.full_like(image, 0.1)), 1)))
    assert torch.equal(network(image), network(image, noise=0.0))


def test_fifteen_iterations_run_the_prior_fifteen_times() -> None:
    prior, solver = (cost(Architecture.published(f"dpsr/{name}")) for name in ("DPSR-prior", "DPSR"))
    assert (solver.params, solver.macs) == (prior.params, 15 * prior.macs)


def test_an_iteration_deblurs_by_the_falling_noise_then_super_resolves() -> None:
    """As in the paper's equations (9) and (12), by numpy."""
    network, image = SPACE.build(dpsr(3, 16, 1), 2, 1).eval(), torch.rand(1, 1, 8, 9)
    kernel, noise = torch.rand(3, 3), 0.05
    kernel = kernel / kernel.sum()
    y, blur = image[0, 0].double().numpy(), np.zeros((8, 9))
    blur[:3, :3] = kernel.numpy()
    spectrum = np.fft.fft2(np.roll(blur, (-1, -1), (0, 1)))
    z = y
    x = y
    for i, level in enumerate(np.logspace(np.log10(49), np.log10(2.55), 3) / 255):
        large = torch.from_numpy(x)[None, None]
        z = F.interpolate(large, size=(8, 9), mode="bicubic", antialias=True)[0, 0].numpy() if i else y
        rho = noise**2 / level**2 / 3
        ratio = (spectrum.conj() * np.fft.fft2(y) + rho * np.fft.fft2(z)) / (abs(spectrum) ** 2 + rho)
        sharp = torch.from_numpy(np.fft.ifft2(ratio).real).float()[None, None]
        with torch.no_grad():
            x = network.prior(torch.cat((sharp, torch.full_like(sharp, level)), 1))[0, 0].double().numpy()
    with torch.no_grad():
        assert np.allclose(network(image, kernel[None, None], noise)[0, 0].numpy(), x, atol=1e-5)


def test_without_being_told_there_is_no_blur() -> None:
    network, image = SPACE.build(dpsr(2, 16, 1), 2, 1), torch.rand(2, 1, 6, 7)
    point = torch.zeros(1, 1, 5, 5)
    point[..., 2, 2] = 1
    assert torch.allclose(network(image), network(image, point), atol=1e-5)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_authors_tensors_have_a_place(scale: int) -> None:
    shuffles = {2: [64], 3: [144], 4: [64, 64]}[scale]
    convs = {"0": (16, 2), "1.sub.0.res.0": (16, 16), "1.sub.0.res.2": (16, 16), "1.sub.1": (16, 16)}
    convs |= {str(2 + 3 * i): (outputs, 16) for i, outputs in enumerate(shuffles)}
    tail = 2 + 3 * len(shuffles)
    convs[str(tail)] = (16, 16)
    theirs = {f"model.{name}.weight": torch.rand(*shape, 3, 3) for name, shape in convs.items()}
    theirs |= {f"model.{name}.bias": torch.rand(shape[0]) for name, shape in convs.items()}
    theirs[f"model.{tail + 2}.weight"] = torch.rand(1, 16, 3, 3)
    assert not any(SPACE.build(dpsr(0, 16, 1), scale, 1).load_state_dict(SPACE.translate(theirs, scale, 1)))
