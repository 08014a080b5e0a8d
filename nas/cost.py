"""What a network costs: parameters, multiply-adds, activations and memory, exactly and without running it.

Called, `nas.cost(...)` is the public function of that name.
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
from search_spaces.layers.collapsible import fused
from search_spaces.multiply_adds import multiply_adds
from search_spaces.shapes import Shapes

make_callable(__name__)

HR_SIZE = (1280, 720)
"""Width and height of the HR image that costs are counted for: the convention of the literature since CARN's table."""


@dataclass(frozen=True)
class ScreeningCost:
    """What a budget looks at."""

    params: int
    """Trainable parameters, biases included."""
    macs: int
    """Multiply-adds of convolutions and matrix products; biases, activations, additions and interpolation are free."""

    @property
    def figures(self) -> dict[str, int]:
        """What was counted, by the names of `nas.objectives`."""
        return {"macs": self.macs, "params": self.params}


@dataclass(frozen=True)
class Cost(ScreeningCost):
    """The cost of one HR image of `hr_size` pixels by the inference form of a network.

    Example:
        >>> counted = nas.cost("ecbsr/M4C8", scale=2)
        >>> counted.params, counted.macs, counted.hr_size
        (2748, 613785600, (1280, 720))
    """

    activations: int
    """Elements that convolutions and matrix products write (the measure of Radosavovic et al., 2003.13678)."""
    convs: int
    """Convolutions that run, one after another: many short layers take longer than their multiply-adds say."""
    peak_memory: int
    """Most bytes of float32 activations alive at once, beside the image, when operators run one after another."""
    hr_size: tuple[int, int]
    """Width, height."""

    @property
    def figures(self) -> dict[str, int]:
        """What was counted, by the names of `nas.objectives`."""
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
    """Count what `architecture` costs for an HR image of (width, height) pixels.

    Builds its own copy on the meta device: exact shapes, no data, some tens of milliseconds whatever the size; the
    network that is being trained is never touched. Re-parameterisable networks are counted fused.
    Raises SpaceError for an architecture that can't be built.
    """
    network, image = meta_network(architecture, hr_size)
    macs = multiply_adds(network, image)
    # A pass of its own: at an operator's first call torch may hold tensors in a reference cycle, alive too long.
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
    """Count parameters and multiply-adds only: some microseconds in a space that gives its networks as parts.

    Each part is counted once per size and remembered. Raises SpaceError as `cost` does.
    """
    space = SPACES.get(architecture.space)
    parts = space.parts(architecture.choices, architecture.scale, architecture.channels)
    if parts is None:
        return _whole_cost(architecture, hr_size)
    width, height = hr_size[0] // architecture.scale, hr_size[1] // architecture.scale
    params = macs = 0
    for part in parts:
        one = _part_cost(part.build, part.args, part.inputs, -(-height // part.divisor), -(-width // part.divisor))
        params, macs = params + part.repeats * one[0], macs + part.repeats * one[1]
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
    """Return the inference form of the network and one LR image, both on the meta device."""
    width, height = hr_size
    with torch.device("meta"):
        network = fused(architecture.build()).eval()
        scale = architecture.scale
        return network, torch.empty(1, architecture.channels, height // scale, width // scale)


def thop_macs(architecture: Architecture, hr_size: tuple[int, int] = HR_SIZE) -> int:
    """Count multiply-adds with thop, as a second opinion on a copy.

    Known to differ from `cost`: thop counts by module, so it misses functional convolutions and matrix products, and
    charges transposed convolutions scale² times too much.
    """
    from thop import profile  # imports slowly, and only this check needs it
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
    """Follows which activations are alive while a network runs on the meta device; `given` tensors are none."""

    def __init__(self, given: Sequence[Tensor]) -> None:
        super().__init__()
        self.written = self.convs = self.alive = self.peak = 0
        self._known = {tensor.untyped_storage()._cdata for tensor in given}

    def see(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Count what one operator returned."""
        for tensor in [result] if isinstance(result, Tensor) else result if isinstance(result, tuple | list) else []:
            if isinstance(tensor, Tensor):
                self._follow(tensor)
        if function in _COUNTED and isinstance(result, Tensor):
            self.written += result.numel()
            self.convs += function is torch.ops.aten.convolution.default

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:  # a view of something already counted
            return
        self._known.add(key)
        self.alive += storage.nbytes()
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size
