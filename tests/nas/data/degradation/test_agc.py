import pytest
import torch
from tiny_images import to_tensor

from nas.data.synthetic import scene

from .laws import apply

SCENE = to_tensor(scene(4, 96, 120))


@pytest.mark.parametrize("method", ["linear", "plateau"])
@pytest.mark.parametrize("bits", [3, 5, 8])
def test_few_levels_are_left_where_things_were(method: str, bits: int) -> None:
    image = SCENE + 0.001 * torch.rand(SCENE.shape)
    after = apply(f"agc: {{method: {method}, bits: {bits}}}", image)
    assert after.unique().numel() <= 2**bits
    assert float(after.min()) == pytest.approx(float(image.min()), abs=1e-4)
    assert float(after.max()) == pytest.approx(float(image.max()), abs=1e-4)
    assert float((after - image).abs().mean()) < 1 / 2**bits
    order = image.flatten().argsort()
    assert (after.flatten()[order].diff() >= -1e-6).all()


def test_a_linear_gain_has_its_levels_at_even_distances() -> None:
    levels = apply("agc: {bits: 4}", torch.rand(1, 1, 64, 64) * 0.3 + 0.2).unique()
    assert torch.allclose(levels.diff(), levels.diff().mean().expand(15), atol=1e-6)


def test_plateau_equalisation_has_its_levels_where_pixels_are() -> None:
    image = torch.cat([0.2 + 0.02 * torch.rand(1, 1, 60, 64), torch.rand(1, 1, 4, 64)], 2)
    linear, plateau = (
        (apply(f"agc: {{method: {method}, bits: 6, plateau: 20}}", image) - image).abs()
        for method in ("linear", "plateau")
    )
    assert plateau[..., :60, :].mean() < linear[..., :60, :].mean() / 4
    assert plateau[..., 60:, :].mean() > linear[..., 60:, :].mean()


@pytest.mark.parametrize("method", ["linear", "plateau"])
def test_tails_are_cut_off(method: str) -> None:
    image = torch.rand(1, 1, 100, 100)
    after = apply(f"agc: {{method: {method}, tails: 5}}", image)
    assert after.min() == pytest.approx(0.05, abs=0.01)
    assert after.max() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("method", ["linear", "plateau"])
def test_the_gain_follows_each_image(method: str) -> None:
    images = torch.rand(2, 1, 40, 40) * torch.tensor([0.1, 0.9]).view(2, 1, 1, 1)
    after = apply(f"agc: {{method: {method}, bits: 5}}", images)
    errors = (after - images).abs().amax((1, 2, 3))
    assert errors[0] < 0.1 * 0.06
    assert errors[1] > 0.1 * 0.06


@pytest.mark.parametrize("method", ["linear", "plateau"])
def test_an_even_image_stays_as_it_is(method: str) -> None:
    image = torch.full((1, 1, 16, 16), 0.37)
    assert torch.allclose(apply(f"agc: {{method: {method}, tails: 1}}", image), image, atol=1e-5)
