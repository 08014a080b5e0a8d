import pytest
import torch
from torch import Tensor, nn

from search_spaces.layers.enlarged import Enlarged
from search_spaces.layers.interpolation import interpolate


def keys(distance: float, a: float) -> float:
    """The cubic convolution kernel (Keys, 1981)."""
    x = abs(distance)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def impulse_response(scale: int, a: float) -> Tensor:
    """What a single pixel at (4, 4) of a 9x9 image becomes."""
    profile = torch.tensor([keys((i + 0.5) / scale - 0.5 - 4, a) for i in range(9 * scale)])
    return profile[:, None] * profile


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_authors_kernel_is_smoother_than_the_plain_one(scale: int) -> None:
    impulse = torch.zeros(1, 1, 9, 9)
    impulse[..., 4, 4] = 1
    assert torch.allclose(interpolate(impulse, scale, "smooth")[0, 0], impulse_response(scale, -0.5), atol=1e-6)
    assert torch.allclose(interpolate(impulse, scale)[0, 0], impulse_response(scale, -0.75), atol=1e-6)


@pytest.mark.parametrize("within_skip", [False, True])
def test_the_body_sees_the_enlarged_image_and_the_skip_adds_it(within_skip: bool) -> None:
    image = torch.rand(1, 3, 5, 7)
    enlarged = interpolate(image, 3) if within_skip else interpolate(image, 3, "smooth")
    assert torch.equal(Enlarged(nn.Tanh(), 3, within_skip=within_skip, skip=False)(image), enlarged.tanh())
    assert torch.equal(Enlarged(nn.Tanh(), 3, within_skip=within_skip, skip=True)(image), enlarged + enlarged.tanh())


def test_the_skip_stays_float32_under_autocast() -> None:
    image = torch.rand(1, 1, 6, 6)
    body = nn.Conv2d(1, 1, 1)
    nn.init.zeros_(body.weight)
    nn.init.zeros_(body.bias)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Enlarged(body, 2, within_skip=False, skip=True)(image), interpolate(image, 2, "smooth"))
