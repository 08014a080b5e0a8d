"""A degradation: a pipeline of operations as data, or a function of a plugin."""

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
"""Approximate number of pixels from which the range of an image is computed, spread over the image."""

TAILS = 0.1
"""Percentage of pixels at each end that the range of a 16-bit image ignores, such as dead pixels and the sun."""


class Degradation(ABC):
    """Makes LR images of HR images. The scale of denoisers is 1.

    A call with HR [N, 1, sH, sW], values in 0..1 on any device, and the scale s returns LR [N, 1, H, W]. LR may
    overshoot 0..1; it is rounded and clipped later. The pixels of an image are its seed, so the result depends neither
    on other images nor on earlier calls.
    """

    name: str
    is_random: bool
    """Whether another draw may give another LR image."""

    @property
    @abstractmethod
    def label(self) -> str:
        """The name, with a digest of its content unless it comes with the package."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Everything besides HR image and scale that determines LR images. If it changes, LR images are made anew."""

    @abstractmethod
    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        """HR [N, 1, sH, sW] → LR [N, 1, H, W]."""

    def levels(self, hr: Pixels) -> Levels:
        """Return the levels in which an image is degraded: the whole range of its type."""
        return Levels.of_type(hr.dtype)


@dataclass(frozen=True)
class Function(Degradation):
    """A function of a plugin."""

    name: str
    function: Callable[[Tensor, int], Tensor]
    is_random = False

    @property
    def label(self) -> str:
        """The name, with a digest of the function's source text."""
        return _label(self.name, self.source)

    @property
    def source(self) -> str:
        """The source text of the function, or its name if there is no text."""
        return _source(self.function) or self.name

    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        """HR [N, 1, sH, sW] → LR [N, 1, H, W]."""
        return self.function(hr, scale)


@dataclass(frozen=True)
class Pipeline(Degradation):
    """Operations, applied one after another. If the size isn't that of the LR image, bicubic resizing follows."""

    name: str
    operations: tuple[Operation, ...]
    range: str = "scene"
    """`scene`, or `type`; see `levels`."""
    is_shipped: bool = False

    @classmethod
    def parse(cls, data: object, origin: str, *, is_shipped: bool = False) -> "Pipeline":
        """Read `{name: …, range: …, operations: […]}`. Raises InputError that names `origin` and the fault."""
        if not isinstance(data, Mapping) or "operations" not in data:
            raise InputError(f"{origin}: a degradation must be a mapping with the field 'operations'.")
        unknown = [str(field) for field in data if field not in _FIELDS]
        if unknown:
            raise InputError(f"{origin}: {unknown_name('field of a degradation', unknown[0], list(_FIELDS))}")
        name = data.get("name", "inline")
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise InputError(f"{origin}: {shown(name)} can't name a degradation; use letters, digits and . _ + -.")
        range_ = data.get("range", "scene")
        if range_ not in _RANGES:
            raise InputError(f"{origin}: 'range' must be one of {', '.join(_RANGES)}, but got {shown(range_)}.")
        try:
            return cls(name, parse_operations(data["operations"]), range_, is_shipped)
        except InputError as error:
            raise InputError(f"{origin}: {error}") from None

    @property
    def is_random(self) -> bool:  # type: ignore[override]
        """Whether any operation is random."""
        return any(operation.is_random for operation in self.operations)

    @property
    def label(self) -> str:
        """The name, with a digest of the operations and their fields unless it comes with the package."""
        return self.name if self.is_shipped else _label(self.name, self._content)

    @property
    def source(self) -> str:
        """The operations, their fields and the source texts of their classes."""
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
        """Return the levels in which an image is degraded.

        8-bit images have the whole range 0..255. A scene uses only a small part of 16 bits, as on a display. So 0 and 1
        are the ends of the part that a 16-bit image uses, or with the range `type` 0 and 65535.
        """
        whole = Levels.of_type(hr.dtype)
        if self.range == "type" or whole.limit == 255:
            return whole
        step = max(1, isqrt(hr.size // _ENOUGH))
        low, high = (float(limit) for limit in np.percentile(hr[::step, ::step], (TAILS, 100 - TAILS)))
        return replace(whole, low=low, high=max(high, low + 1))

    def of_batch(self, hr: Tensor, scale: int, generator: torch.Generator) -> Tensor:
        """Return LR of a batch, with draws from `generator`, a CPU generator, computed on the device of the batch."""
        return self._run(hr.float(), Draws.of_batch(hr, scale, generator))

    def _run(self, images: Tensor, draws: Draws) -> Tensor:
        for operation in self.operations:
            images = operation(images, draws)
        return resize(images, draws.lr_size, "bicubic")


def _all_of(operation: Operation) -> list[Operation]:
    inner: tuple[Operation, ...] = getattr(operation, "operations", ())
    return [operation, *(found for each in inner for found in _all_of(each))]


def _source(thing: Any) -> str:
    """Return the source text, so that LR images are made anew after a change of it; "" if there is none."""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return ""


def _label(name: str, content: str) -> str:
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
