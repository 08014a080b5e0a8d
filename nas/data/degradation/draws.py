"""The random numbers of a degradation."""

import hashlib

import torch
from torch import Tensor

from nas.data.degradation.amounts import Range


class Draws:
    """The random numbers and the sizes for applying a degradation once to a batch.

    Parameters come from a CPU generator, so they are the same on every device. Fields of noise come from a generator of
    the device, which is seeded from the CPU generator. torch's global generators are not used.
    """

    def __init__(
        self, hr_size: tuple[int, int], scale: int, parameters: torch.Generator, fields: torch.Generator
    ) -> None:
        self.hr_size = hr_size
        self.lr_size = (hr_size[0] // scale, hr_size[1] // scale)
        self.scale: float = scale
        """The scale for amounts that grow with it. An operation may lower it for the operations after it."""
        self._parameters, self._fields = parameters, fields

    @classmethod
    def of_batch(cls, hr: Tensor, scale: int, generator: torch.Generator) -> "Draws":
        """Return the draws for a batch [N, 1, H, W] on its device, from `generator`, a CPU generator."""
        seed = int(torch.randint(2**62, (), generator=generator))
        fields = torch.Generator(hr.device).manual_seed(seed)
        return cls((hr.shape[-2], hr.shape[-1]), scale, generator, fields)

    @classmethod
    def of_image(cls, image: Tensor, scale: int) -> "Draws":
        """Return the draws for an image [1, 1, H, W] on the CPU. Its pixels are the seed."""
        digest = hashlib.sha256(image.contiguous().numpy().tobytes()).digest()
        fields, parameters = (torch.Generator().manual_seed(int.from_bytes(digest[i : i + 7], "big")) for i in (0, 7))
        return cls((image.shape[-2], image.shape[-1]), scale, parameters, fields)

    def uniform(self, count: int) -> Tensor:
        """Return [count] numbers in 0..1 on the CPU."""
        return torch.rand(count, generator=self._parameters)

    def integer(self, below: int) -> int:
        """Return one of 0 .. below - 1."""
        return int(torch.randint(below, (), generator=self._parameters))

    def order(self, count: int) -> list[int]:
        """Return the numbers 0 .. count - 1 in random order."""
        return list(torch.randperm(count, generator=self._parameters).tolist())

    def categories(self, weights: Tensor, count: int) -> Tensor:
        """Return [count] indices into `weights` [K], drawn in proportion to the weights, on the CPU."""
        return torch.multinomial(weights, count, replacement=True, generator=self._parameters)

    def values(self, wanted: Range, count: int) -> Tensor:
        """Return [count] values of a range at this scale, on the CPU. Nothing is drawn from a fixed range."""
        low, high = wanted.at(self.scale)
        return torch.full((count,), low) if wanted.is_fixed else low + (high - low) * self.uniform(count)

    def whole_values(self, wanted: Range, count: int, step: int = 1) -> Tensor:
        """Return [count] of the whole numbers low, low + step .. high of a range, equally likely, int64 on the CPU."""
        low, high = (round(limit) for limit in wanted.at(self.scale))
        return low + step * torch.randint((high - low) // step + 1, (count,), generator=self._parameters)

    def on_device(self, values: Tensor) -> Tensor:
        """Return values from the CPU on the device, without waiting for it."""
        return values.to(self._fields.device, non_blocking=True)

    def per_image(self, wanted: Range, images: Tensor) -> Tensor:
        """Return a value for each image of [N, 1, H, W], as [N, 1, 1, 1] on the device."""
        return self.on_device(self.values(wanted, len(images))).view(-1, 1, 1, 1)

    def normal(self, *shape: int) -> Tensor:
        """Return normal numbers with mean 0 and deviation 1, on the device."""
        return torch.randn(shape, generator=self._fields, device=self._fields.device)

    def even(self, *shape: int) -> Tensor:
        """Return uniform numbers in 0..1, on the device."""
        return torch.rand(shape, generator=self._fields, device=self._fields.device)
