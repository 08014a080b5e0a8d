"""Run networks on the meta device, only for shapes, with a shortcut for the slowest operators."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


class Shapes(TorchDispatchMode):
    """A context in which `see` is called for every operator that runs, with its arguments and its result.

    On the meta device, torch finds the shape of some results by Python code that repeats their arithmetic: 0.3 to 1 ms
    for an activation or a normalisation, 30 ms for an interpolation. Here these operators return an empty tensor of the
    right shape at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def see(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Look at an operator, its arguments and its result; subclasses override this."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        short = _SHORT.get(function)
        result = short(*args) if short and args[0].is_meta else None
        if result is None:
            result = function(*args, **kwargs)
        self.see(function, args, kwargs, result)
        return result


def _like(x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x)


def _of_two(x: Tensor, other: Any, *_: Any) -> Tensor | None:
    """Return the result for two tensors of one shape, layout and type; None otherwise, since torch must broadcast."""
    if not isinstance(other, Tensor):
        return None
    alike = (other.shape, other.stride(), other.dtype) == (x.shape, x.stride(), x.dtype)
    return torch.empty_like(x) if alike else None


def _layer_norm(x: Tensor, normalised: Sequence[int], *_: Any) -> tuple[Tensor, Tensor, Tensor]:
    kept = [*x.shape[: x.dim() - len(normalised)], *[1] * len(normalised)]
    return torch.empty_like(x, memory_format=torch.contiguous_format), x.new_empty(kept), x.new_empty(kept)


def _enlarged(x: Tensor, size: Sequence[int], *_: Any) -> Tensor:
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    layout = torch.channels_last if last else torch.contiguous_format
    return torch.empty([*x.shape[:2], *size], dtype=x.dtype, device="meta", memory_format=layout)


_SHORT: Mapping[Any, Callable[..., Any]] = {
    **dict.fromkeys(
        (
            aten.relu.default,
            aten.leaky_relu.default,
            aten.gelu.default,
            aten.silu.default,
            aten.sigmoid.default,
            aten.softplus.default,
            aten._prelu_kernel.default,
        ),
        _like,
    ),
    **dict.fromkeys((aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor), _of_two),
    aten.native_layer_norm.default: _layer_norm,
    aten.upsample_bilinear2d.default: _enlarged,
    aten.upsample_bicubic2d.default: _enlarged,
}
