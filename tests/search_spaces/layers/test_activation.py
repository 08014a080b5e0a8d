import pytest
import torch
from torch import nn

from search_spaces.layers.activation import PReLU


@pytest.mark.parametrize("slopes", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_fast_prelu_is_a_prelu(slopes: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    fast, plain = PReLU(slopes), nn.PReLU(slopes)
    image = torch.randn(2, 3, 5, 7, dtype=dtype)
    image[0, 0, 0, 0] = 0  # where the slope has no effect
    results = []
    for layer in (fast.to(torch.promote_types(dtype, torch.float32)), plain.to(dtype)):
        pixels = image.clone().requires_grad_()
        output = layer(pixels)
        output.backward(torch.ones_like(output))
        results.append((output, pixels.grad, layer.weight.grad))
    for mine, theirs in zip(*results, strict=True):
        tolerance = 0.05 if dtype == torch.bfloat16 else 1e-5
        torch.testing.assert_close(mine, theirs, atol=tolerance, rtol=tolerance, check_dtype=False)


def test_its_gradients_are_those_of_its_function() -> None:
    torch.manual_seed(0)
    layer = PReLU(2).double()
    image = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, (image,))


def test_tokens_and_images_without_a_gradient_pass_as_before() -> None:
    tokens = torch.randn(2, 3, 5, requires_grad=True)
    assert torch.equal(PReLU(3)(tokens), nn.PReLU(3)(tokens))
    assert torch.equal(PReLU(3)(torch.full((1, 3, 2, 2), -1.0)), torch.full((1, 3, 2, 2), -0.25))
