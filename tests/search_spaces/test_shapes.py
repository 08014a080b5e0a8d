from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from search_spaces.shapes import Shapes

Operation = Callable[[Tensor], Tensor]

OPERATIONS: dict[str, Operation] = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
    "prelu": lambda x: F.prelu(x, torch.ones(x.shape[1])),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[2:]),
    "layer_norm of channels": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, size=(9, 11), mode="bicubic"),
    "add": lambda x: x + x,
    "add a number": lambda x: x + 1,
    "add to each channel": lambda x: x + x.mean((2, 3), keepdim=True),
    "sum that is wider than the first": lambda x: x.mean((2, 3), keepdim=True) + x,
    "subtract": lambda x: x - x,
    "multiply": lambda x: x * x,
    "multiply another layout": lambda x: x * x.contiguous(memory_format=torch.channels_last),
    "multiply another type": lambda x: x * x.double(),
}


class Seen(Shapes):
    """Records the results of all operators."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Any] = []

    def see(self, function: Any, args: Any, kwargs: Any, result: Any) -> None:
        self.results += result if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_cut_short_has_the_shape_that_torch_gives(name: str, layout: torch.memory_format) -> None:
    with torch.device("meta"), torch.no_grad():
        x = torch.empty(2, 4, 5, 6).contiguous(memory_format=layout)
        expected = OPERATIONS[name](x)
        with Seen() as seen:
            result = OPERATIONS[name](x)
    assert (result.shape, result.stride(), result.dtype, result.device) == (
        expected.shape, expected.stride(), expected.dtype, expected.device,
    )  # fmt: skip
    assert result.untyped_storage().nbytes() == expected.untyped_storage().nbytes()
    assert any(other is result for other in seen.results)


@pytest.mark.parametrize("name", OPERATIONS)
def test_off_the_meta_device_all_is_computed(name: str) -> None:
    x = torch.rand(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), Shapes():
        result = OPERATIONS[name](x)
    with torch.no_grad():
        assert torch.equal(result, OPERATIONS[name](x))
