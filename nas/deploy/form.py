"""The form of an export: the size of its images, its opset, its types, and the target that it is for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.levels import Levels
from nas.data.normalisation import Normalisation
from nas.deploy.opset import NEWEST, WRITTEN, check_opset
from nas.deploy.rewrites import deployed
from nas.deploy.target import Target
from nas.errors import InputError
from nas.image_size import Size, show_size
from search_spaces.layers.fixed_filter import FixedFilter
from search_spaces.layers.merged_skip import MergedSkip

_TYPES: dict[int, tuple[Any, torch.dtype]] = {8: (np.uint8, torch.uint8), 16: (np.uint16, torch.uint16)}


@dataclass(frozen=True)
class Form:
    """How an ONNX file is to be. The default: float32, any size, opset 18."""

    lr: Size | None = None
    """(width, height) of the only size of its LR images; None: any size."""
    opset: int = WRITTEN
    bits: int | None = None
    """8 or 16: it takes and gives integers of so many bits, and normalises itself; None: float32 values."""
    half: bool = False
    """Whether the network computes in float16; an image skip stays in float32."""
    target: Target | None = None
    """For operators that the target does not take others are used, where there are such."""

    def __post_init__(self) -> None:
        check_opset(self.opset)
        if self.bits not in (None, *_TYPES):
            raise InputError(f"Images have 8 or 16 bits, not {self.bits}.")
        if self.target is None:
            return
        lowest, highest = self.target.opset
        if not lowest <= self.opset <= highest:
            raise InputError(f"{self.target.title} reads opsets {lowest} to {highest}, not {self.opset}; give --opset.")
        if self.target.fixed_size and self.lr is None:
            raise InputError(f"{self.target.title} needs one fixed size; give --lr WxH, the size of your sensor.")

    @classmethod
    def of(cls, target: Target | None, opset: int | None = None, **others: Any) -> "Form":
        """Return a form whose opset, if none is given, is 18 or the nearest one that the target reads."""
        lowest, highest = target.opset if target else (WRITTEN, NEWEST)
        return cls(opset=opset or min(max(WRITTEN, lowest), highest), target=target, **others)

    def check_size(self, minimum: int) -> None:
        """Raise InputError if the only size is too small for a network, whose images need `minimum` pixels a side."""
        if self.lr is not None and min(self.lr) < minimum:
            raise InputError(
                f"Both sides of {show_size(self.lr)} must have at least {minimum} pixels for this network."
            )

    def module(self, network: nn.Module, normalisation: Normalisation) -> nn.Module:
        """Return a network in this form, on the CPU. Raises InputError for a normalisation that integers can't have."""
        network = deployed(network, self.target)
        if self.half:
            network = in_half(network)
        if self.bits is None:
            return network
        return IntegerImages(network, levels_of(normalisation, self.bits), self.bits)

    def example(self, channels: int, generator: torch.Generator | None = None, size: Size | None = None) -> Tensor:
        """Return a random image [1, C, H, W] of the right type; `size` (width, height) where the size is free."""
        width, height = self.lr or size or (40, 24)
        values = torch.rand(1, channels, height, width, generator=generator)
        return values if self.bits is None else self.integers((values * (2**self.bits - 1)).round())

    def integers(self, whole: Tensor) -> Tensor:
        """Convert whole numbers to the integers that the file takes. Only for a form with `bits`."""
        assert self.bits is not None
        return whole.to(_TYPES[self.bits][1])


def levels_of(normalisation: Normalisation, bits: int) -> Levels:
    """Return the levels by which integers become values within a file.

    Raises InputError for the normalisation by each image's own range, which no fixed file can compute.
    """
    if normalisation.kind == "image":
        raise InputError("The network is normalised by the range of each image; export it without --integers.")
    return normalisation.levels(np.zeros((1, 1), _TYPES[bits][0]))


class IntegerImages(nn.Module):
    """A network that takes and gives the integers of files: [N, C, H, W] → [N, C, scale·H, scale·W], uint8 or uint16.

    Results are rounded half up and clipped, as `nas upscale` does.
    """

    def __init__(self, network: nn.Module, levels: Levels, bits: int) -> None:
        super().__init__()
        self.network, self.levels, self.dtype = network, levels, _TYPES[bits][1]

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] integers → [N, C, scale·H, scale·W] integers."""
        return self.levels.integers(self.network(self.levels.values(image))).to(self.dtype)


def in_half(network: nn.Module) -> nn.Module:
    """Return a network whose learned part computes in float16; what carries the image stays in float32."""
    if isinstance(network, MergedSkip):
        network.networks = nn.ModuleList(_Half(part) for part in network.networks)
        return network
    return _Half(network)


class _Half(nn.Module):
    """A network in float16 between images in float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        exact = [(layer, layer.weight) for layer in network.modules() if isinstance(layer, FixedFilter)]
        self.network = network.half()
        for layer, weight in exact:
            layer.weight = weight  # it computes in float32

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C, scale·H, scale·W]."""
        result: Tensor = self.network(image.half()).float()
        return result
