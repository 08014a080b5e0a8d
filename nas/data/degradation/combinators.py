"""Operations made of other operations: a sequence, a shuffled sequence, or one of several."""

from functools import partial
from typing import Self

import torch
from pydantic import model_validator
from torch import Tensor

from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import Operation, Operations, apply_to, operation
from nas.fields import Real


class _Composed(Operation):
    operations: Operations

    @property
    def resizes(self) -> bool:
        """Whether any of its operations may change the size."""
        return any(operation.resizes for operation in self.operations)

    @property
    def is_random(self) -> bool:
        """Whether it is random itself, or any of its operations is."""
        return super().is_random or any(operation.is_random for operation in self.operations)


@operation("sequence")
class Sequence(_Composed):
    """All of its operations, one after another, as a single step of a `shuffle` or a single choice of a `one-of`."""

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the size after all operations."""
        for each in self.operations:
            images = each(images, draws)
        return images


@operation("shuffle")
class Shuffle(_Composed):
    """All of its operations in a random order, which is drawn for the whole batch.

    Operations that may change the size keep their order, so that the last of them decides the size.
    """

    draws_fields = True

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the size after the last resizing operation."""
        for index in self.drawn_order(draws):
            images = self.operations[index](images, draws)
        return images

    def drawn_order(self, draws: Draws) -> list[int]:
        """Return the indices of the operations in the drawn order."""
        order = draws.order(len(self.operations))
        resizing = iter(sorted(index for index in order if self.operations[index].resizes))
        return [next(resizing) if self.operations[index].resizes else index for index in order]


@operation("one-of")
class OneOf(_Composed):
    """One of its operations, drawn in proportion to `weights` (default: all equally likely).

    It is drawn for each image. If an operation may change the size, it is drawn for the whole batch.
    """

    draws_fields = True
    weights: tuple[Real, ...] | None = None

    @model_validator(mode="after")
    def _weights_fit(self) -> Self:
        if self.weights is not None and (
            len(self.weights) != len(self.operations) or min(self.weights) < 0 or sum(self.weights) <= 0
        ):
            raise ValueError(
                f"{len(self.operations)} operations need as many weights, 0 or more, but got {self.weights}"
            )
        return self

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the size after the chosen operation."""
        weights = torch.tensor(self.weights or [1.0] * len(self.operations))
        drawn = draws.categories(weights, 1 if self.resizes else len(images)).expand(len(images))
        for index, each in enumerate(self.operations):
            images = apply_to(images, drawn == index, partial(each, draws=draws))
        return images
