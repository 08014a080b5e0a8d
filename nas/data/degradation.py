"""Degradations: how a high-resolution image becomes a low-resolution one. Adding one is adding one function."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

from nas.data.images import resize_bicubic
from nas.errors import InputError

Degradation = Callable[[Tensor, int], Tensor]
"""(HR [N, C, sH, sW] in 0..1, scale s) → LR [N, C, H, W]; deterministic, one image independent of the others."""

_registered: dict[str, Degradation] = {}
DEGRADATIONS: Mapping[str, Degradation] = MappingProxyType(_registered)
"""Every registered degradation by its name."""


def degradation(name: str) -> Callable[[Degradation], Degradation]:
    """Decorator that registers a degradation; raises `ValueError` when the name is taken.

    What the function returns is clipped to 0..1, so it needn't be. A data set then rounds it to the image's integer range,
    because low-resolution files hold integers.
    """

    def register(function: Degradation) -> Degradation:
        if name in _registered:
            raise ValueError(f"The degradation {name!r} is already registered.")
        _registered[name] = function
        return function

    return register


def get_degradation(name: str) -> Degradation:
    """The degradation of that name, clipped to 0..1; raises `InputError` with the nearest name for an unknown one."""
    if name not in _registered:
        near = difflib.get_close_matches(name, _registered, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(sorted(_registered))}."
        raise InputError(f"There is no degradation {name!r}; {hint}")
    function = _registered[name]

    def clipped(hr: Tensor, scale: int) -> Tensor:
        return function(hr, scale).clamp(0, 1)

    return clipped


@degradation("bicubic")
def bicubic(hr: Tensor, scale: int) -> Tensor:
    """Anti-aliased bicubic reduction, the standard benchmark degradation ("BI"); see `resize_bicubic`."""
    return resize_bicubic(hr, (hr.shape[-2] // scale, hr.shape[-1] // scale))
