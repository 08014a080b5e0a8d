"""A degradation: operations one after the other, as data, or somebody's own function."""

import hashlib
import inspect
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, parse_operations
from nas.data.degradation.resampling import resize
from nas.data.images import Pixels
from nas.data.levels import Levels
from nas.errors import InputError
from search_spaces.documents import shown
from search_spaces.registry import unknown_name

_NAME = r"[A-Za-z0-9][\w.+-]*"
_FIELDS = ("name", "range", "operations")
_RANGES = ("scene", "type")

_ENOUGH = 65536
"""Of so many pixels the range of an image is told; it is spread over all of it."""

TAILS = 0.1
"""Per cent of the pixels at each end of a 16-bit image that its range leaves out: dead pixels, the sun."""


class Degradation(ABC):
    """How a high-resolution image becomes a low-resolution one; the scale of denoisers is 1.

    Calling it with HR [N, 1, sH, sW], values of 0..1 on any device, and the scale s returns LR [N, 1, H, W], which may
    overshoot 0..1: files and batches round and clip it. Each image is its own seed: what becomes of it depends neither
    on the others nor on how often it was asked for.
    """

    name: str
    is_random: bool
    """Whether another draw gives another LR image."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name; with a digest of what it does, unless it comes with the package."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Everything that LR images depend on besides the HR image and the scale: those made by another are stale."""

    @abstractmethod
    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        """HR [N, 1, sH, sW] → LR [N, 1, H, W]."""

    def levels(self, hr: Pixels) -> Levels:
        """What the values stand for that this image is degraded in: its type's whole range."""
        return Levels.of_type(hr.dtype)


@dataclass(frozen=True)
class Function(Degradation):
    """A function of a plugin."""

    name: str
    function: Callable[[Tensor, int], Tensor]
    is_random = False

    @property
    def label(self) -> str:
        """The name with a digest of the function's text."""
        return _label(self.name, self.source)

    @property
    def source(self) -> str:
        """The function's text; the name, where there is none."""
        return _source(self.function) or self.name

    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        """HR [N, 1, sH, sW] → LR [N, 1, H, W]."""
        return self.function(hr, scale)


@dataclass(frozen=True)
class Pipeline(Degradation):
    """Operations one after the other; where they leave another size, bicubic resizing follows."""

    name: str
    operations: tuple[Operation, ...]
    range: str = "scene"
    """`scene`, or `type`; see `levels`."""
    is_shipped: bool = False

    @classmethod
    def parse(cls, data: object, origin: str, *, is_shipped: bool = False) -> "Pipeline":
        """Reads `{name: …, range: …, operations: […]}`; raises `InputError` naming `origin` and what is wrong in it."""
        if not isinstance(data, Mapping) or "operations" not in data:
            raise InputError(f"{origin}: a degradation must be a mapping with the field 'operations'.")
        if unknown := [str(field) for field in data if field not in _FIELDS]:
            raise InputError(f"{origin}: {unknown_name('field of a degradation', unknown[0], list(_FIELDS))}")
        name = data.get("name", "inline")
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise InputError(f"{origin}: {shown(name)} can't name a degradation; use letters, digits and . _ + -.")
        if (range_ := data.get("range", "scene")) not in _RANGES:
            raise InputError(f"{origin}: 'range' must be one of {', '.join(_RANGES)}, but got {shown(range_)}.")
        try:
            return cls(name, parse_operations(data["operations"]), range_, is_shipped)
        except InputError as error:
            raise InputError(f"{origin}: {error}") from None

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether any operation is."""
        return any(operation.is_random for operation in self.operations)

    @property
    def label(self) -> str:
        """The name; with a digest of the operations and their fields, unless it comes with the package."""
        return self.name if self.is_shipped else _label(self.name, self._content)

    @property
    def source(self) -> str:
        """The operations, their fields and the texts of their classes."""
        kinds = sorted({_source(type(each)) for operation in self.operations for each in _all_of(operation)})
        return "\n".join([self._content, *kinds])

    @property
    def _content(self) -> str:
        return json.dumps([self.range, [operation.plain() for operation in self.operations]])

    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        """HR [N, 1, sH, sW] → LR [N, 1, H, W], computed on the CPU."""
        made = [self._run(image, Draws.of_image(image, scale)) for image in hr.float().cpu().split(1)]
        return torch.cat(made).to(hr.device)

    def levels(self, hr: Pixels) -> Levels:
        """What the values stand for that this image is degraded in: its type's whole range, 0..255, if it has 8 bits.

        Of 16 bits a scene uses but a small part, and as much as it uses would be shown: so 0 and 1 are the ends of that
        part. With the range `type` they are 0 and 65535.
        """
        whole = Levels.of_type(hr.dtype)
        if self.range == "type" or whole.limit == 255:
            return whole
        step = max(1, isqrt(hr.size // _ENOUGH))
        low, high = (float(limit) for limit in np.percentile(hr[::step, ::step], (TAILS, 100 - TAILS)))
        return replace(whole, low=low, high=max(high, low + 1))

    def of_batch(self, hr: Tensor, scale: int, generator: torch.Generator) -> Tensor:
        """LR of a batch, all drawn anew from `generator`, a CPU generator, and computed where the batch is."""
        return self._run(hr.float(), Draws.of_batch(hr, scale, generator))

    def _run(self, images: Tensor, draws: Draws) -> Tensor:
        for operation in self.operations:
            images = operation(images, draws)
        return resize(images, draws.lr_size, "bicubic")


def _all_of(operation: Operation) -> list[Operation]:
    inner: tuple[Operation, ...] = getattr(operation, "operations", ())
    return [operation, *(found for each in inner for found in _all_of(each))]


def _source(thing: Any) -> str:
    """Its text, so that LR images are made anew when somebody changes their own; "" where there is none."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return ""


def _label(name: str, content: str) -> str:
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
