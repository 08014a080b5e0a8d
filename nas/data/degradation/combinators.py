"""Operations made of others: in any order, one of several, several as one."""

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
        """Whether any of its operations may."""
        return any(operation.resizes for operation in self.operations)

    @property
    def is_random(self) -> bool:
        """Also where one of its operations is."""
        return super().is_random or any(operation.is_random for operation in self.operations)


@operation("sequence")
class Sequence(_Composed):
    """All of its operations, one after the other: one step of a `shuffle`, one choice of a `one-of`."""

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the size that they leave."""
        for each in self.operations:
            images = each(images, draws)
        return images


@operation("shuffle")
class Shuffle(_Composed):
    """All of its operations in an order that is drawn for the whole batch.

    Those that may change the size keep their order among themselves, so that the last of them decides it.
    """

    draws_fields = True

    def apply(self, images: Tensor, draws: Draws) -> Tensor:
        """[N, 1, H, W] → the size that the last resizing operation leaves."""
        for index in self.drawn_order(draws):
            images = self.operations[index](images, draws)
        return images

    def drawn_order(self, draws: Draws) -> list[int]:
        """The indices of the operations, as they shall follow each other."""
        order = draws.order(len(self.operations))
        resizing = iter(sorted(index for index in order if self.operations[index].resizes))
        return [next(resizing) if self.operations[index].resizes else index for index in order]


@operation("one-of")
class OneOf(_Composed):
    """One of its operations, in proportion to `weights` (by default each equally likely).

    It is drawn for each image; where one of them may change the size, for the whole batch.
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
        """[N, 1, H, W] → the size that the chosen operation leaves."""
        weights = torch.tensor(self.weights or [1.0] * len(self.operations))
        drawn = draws.categories(weights, 1 if self.resizes else len(images)).expand(len(images))
        for index, each in enumerate(self.operations):
            images = apply_to(images, drawn == index, partial(each, draws=draws))
        return images
