"""The costs of a network: parameters, multiply-adds, activations and memory, counted exactly without running it.

This module can be called: `nas.cost(...)` is the public function of that name.
"""

import copy
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from nas.callable import make_callable
from search_spaces import SPACES, Architecture, Choice
from search_spaces.layers.fused import fused
from search_spaces.multiply_adds import multiply_adds
from search_spaces.shapes import Shapes

make_callable(__name__)

HR_SIZE = (1280, 720)
"""Width and height of the HR image for which costs are counted, the convention of the literature since CARN's table."""


@dataclass(frozen=True)
class ScreeningCost:
    """The costs that are counted fast: parameters and multiply-adds."""

    params: int
    """Trainable parameters, biases included."""
    macs: int
    """Multiply-adds of convolutions and matrix products; biases, activations, additions and interpolation are free."""

    @property
    def figures(self) -> dict[str, int]:
        """Name in `nas.objectives` → counted cost."""
        return {"macs": self.macs, "params": self.params}


@dataclass(frozen=True)
class Cost(ScreeningCost):
    """The costs of the inference form of a network for an HR image of `hr_size` pixels.

    Example:
        >>> counted = nas.cost("ecbsr/M4C8", scale=2)
        >>> counted.params, counted.macs, counted.hr_size
        (2748, 613785600, (1280, 720))
    """

    activations: int
    """Elements that convolutions and matrix products write (the measure of Radosavovic et al., 2003.13678)."""
    convs: int
    """Number of convolutions that run. Many short layers take longer than their multiply-adds suggest."""
    peak_memory: int
    """Maximum bytes of float32 activations alive at once, beside the image, if operators run one after another."""
    hr_size: tuple[int, int]
    """(width, height) in pixels."""

    @property
    def figures(self) -> dict[str, int]:
        """Name in `nas.objectives` → counted cost."""
        return {
            **super().figures,
            "activations": self.activations,
            "convs": self.convs,
            "memory": self.peak_memory,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@lru_cache(maxsize=4096)
def cost(architecture: Architecture, hr_size: tuple[int, int] = HR_SIZE) -> Cost:
    """Count the costs of an architecture for an HR image of (width, height) pixels.

    A copy of the network is built on the meta device, which has exact shapes and no data. This takes some 10 ms for any
    image size. Re-parameterisable networks are counted fused. Raises SpaceError if the network can't be built.
    """
    network, image = meta_network(architecture, hr_size)
    macs = multiply_adds(network, image)
    # A separate pass: at the first call of an operator torch may hold tensors in a reference cycle for too long.
    activations = _ActivationCounter([image, *network.parameters(), *network.buffers()])
    with torch.no_grad(), activations:
        network(image)
    return Cost(
        params=_params(network),
        macs=macs,
        activations=activations.written,
        convs=activations.convs,
        peak_memory=activations.peak,
        hr_size=hr_size,
    )


def screening_cost(architecture: Architecture, hr_size: tuple[int, int] = HR_SIZE) -> ScreeningCost:
    """Count only parameters and multiply-adds. It takes microseconds if the space describes its networks as parts.

    Each part is counted once for each size. Raises SpaceError as `cost` does.
    """
    space = SPACES.get(architecture.space)
    parts = space.parts(architecture.choices, architecture.scale, architecture.channels)
    if parts is None:
        return _whole_cost(architecture, hr_size)
    width, height = hr_size[0] // architecture.scale, hr_size[1] // architecture.scale
    params = macs = 0
    for part in parts:
        shape = part.inputs, -(-height // part.divisor), -(-width // part.divisor)
        part_params, part_macs = _part_cost(part.build, part.args, *shape)
        params += part.repeats * part_params
        macs += part.repeats * part_macs
    return ScreeningCost(params, macs)


@lru_cache(maxsize=4096)
def _whole_cost(architecture: Architecture, hr_size: tuple[int, int]) -> ScreeningCost:
    network, image = meta_network(architecture, hr_size)
    return ScreeningCost(_params(network), multiply_adds(network, image))


@lru_cache(maxsize=65536)
def _part_cost(build: Callable[..., nn.Module], args: tuple[Choice, ...], *shape: int) -> tuple[int, int]:
    with torch.device("meta"):
        module = fused(build(*args)).eval()
        features = torch.empty(1, *shape)
    return _params(module), multiply_adds(module, features)


def _params(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def meta_network(architecture: Architecture, hr_size: tuple[int, int] = HR_SIZE) -> tuple[nn.Module, Tensor]:
    """Return the inference form of the network and an LR image, both on the meta device."""
    width, height = hr_size
    with torch.device("meta"):
        network = fused(architecture.build()).eval()
        scale = architecture.scale
        return network, torch.empty(1, architecture.channels, height // scale, width // scale)


def thop_macs(architecture: Architecture, hr_size: tuple[int, int] = HR_SIZE) -> int:
    """Count multiply-adds with thop, as an independent check.

    thop counts modules, so it misses functional convolutions and matrix products, and counts transposed convolutions
    scale² times too much. There it differs from `cost`.
    """
    from thop import profile  # slow to import, and only this check needs it
    from thop.vision.basic_hooks import count_convNd

    network, image = meta_network(architecture, hr_size)
    kinds = {type(module): count_convNd for module in network.modules() if isinstance(module, nn.Conv2d)}
    macs, _ = profile(copy.deepcopy(network), inputs=(image,), custom_ops=kinds, verbose=False)
    return int(macs)


_COUNTED = {
    torch.ops.aten.convolution.default,
    torch.ops.aten.mm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.bmm.default,
    torch.ops.aten.baddbmm.default,
}


class _ActivationCounter(Shapes):
    """Tracks which activations are alive while a network runs on the meta device. `given` tensors don't count."""

    def __init__(self, given: Sequence[Tensor]) -> None:
        super().__init__()
        self.written = self.convs = self.alive = self.peak = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in given}

    def see(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Count the result of an operator."""
        results = result if isinstance(result, tuple | list) else [result]
        for tensor in results:
            if isinstance(tensor, Tensor):
                self._follow(tensor)
        if function in _COUNTED and isinstance(result, Tensor):
            self.written += result.numel()
            self.convs += function is torch.ops.aten.convolution.default

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:  # a view of a tensor that is counted already
            return
        self._known.add(key)
        self.alive += storage.nbytes()
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size
