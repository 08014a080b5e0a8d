"""A degradation: operations one after the other, as data, or somebody's own function."""

import hashlib
import inspect
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, parse_operations
from nas.data.degradation.resampling import resize
from nas.errors import InputError
from search_spaces.registry import unknown_name

_NAME = r"[A-Za-z0-9][\w.+-]*"
_FIELDS = ("name", "operations")


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
    is_shipped: bool = False

    @classmethod
    def parse(cls, data: object, origin: str, *, is_shipped: bool = False) -> "Pipeline":
        """Reads `{name: …, operations: […]}`; raises `InputError` that starts with `origin` and names what is wrong."""
        if not isinstance(data, Mapping) or "operations" not in data:
            raise InputError(f"{origin}: a degradation must be a mapping with the field 'operations'.")
        if unknown := [str(field) for field in data if field not in _FIELDS]:
            raise InputError(f"{origin}: {unknown_name('field of a degradation', unknown[0], list(_FIELDS))}")
        name = data.get("name", "inline")
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise InputError(f"{origin}: {name!r} can't name a degradation; use letters, digits and . _ + -.")
        try:
            return cls(name, parse_operations(data["operations"]), is_shipped)
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
        return json.dumps([operation.plain() for operation in self.operations])

    def __call__(self, hr: Tensor, scale: int) -> Tensor:
        """HR [N, 1, sH, sW] → LR [N, 1, H, W], computed on the CPU."""
        made = [self._run(image, Draws.of_image(image, scale)) for image in hr.float().cpu().split(1)]
        return torch.cat(made).to(hr.device)

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
