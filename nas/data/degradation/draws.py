"""Where the random numbers of a degradation come from."""

import hashlib

import torch
from torch import Tensor

from nas.data.degradation.amounts import Range


class Draws:
    """The random numbers and the sizes of one application of a degradation to a batch.

    Parameters come from a CPU generator, so they are the same on every device; whole fields of noise come from a
    generator of the device, which is seeded from it. torch's global generators are never touched.
    """

    def __init__(
        self, hr_size: tuple[int, int], scale: int, parameters: torch.Generator, fields: torch.Generator
    ) -> None:
        self.hr_size = hr_size
        self.lr_size = (hr_size[0] // scale, hr_size[1] // scale)
        self.scale: float = scale
        """What amounts that grow with the scale are for; an operation may lower it for those behind it."""
        self._parameters, self._fields = parameters, fields

    @classmethod
    def of_batch(cls, hr: Tensor, scale: int, generator: torch.Generator) -> "Draws":
        """For a batch [N, 1, H, W] on its device, drawn from `generator`, a CPU generator."""
        seed = int(torch.randint(2**62, (), generator=generator))
        fields = torch.Generator(hr.device).manual_seed(seed)
        return cls((hr.shape[-2], hr.shape[-1]), scale, generator, fields)

    @classmethod
    def of_image(cls, image: Tensor, scale: int) -> "Draws":
        """For one image [1, 1, H, W] on the CPU, which is its own seed: the same image, the same numbers."""
        digest = hashlib.sha256(image.contiguous().numpy().tobytes()).digest()
        fields, parameters = (torch.Generator().manual_seed(int.from_bytes(digest[i : i + 7], "big")) for i in (0, 7))
        return cls((image.shape[-2], image.shape[-1]), scale, parameters, fields)

    def uniform(self, count: int) -> Tensor:
        """[count] numbers in 0..1, on the CPU."""
        return torch.rand(count, generator=self._parameters)

    def integer(self, below: int) -> int:
        """One of 0 .. below - 1."""
        return int(torch.randint(below, (), generator=self._parameters))

    def order(self, count: int) -> list[int]:
        """The numbers 0 .. count - 1 in any order, each equally likely."""
        return list(torch.randperm(count, generator=self._parameters).tolist())

    def categories(self, weights: Tensor, count: int) -> Tensor:
        """[count] numbers of categories [K], drawn in proportion to their weights, on the CPU."""
        return torch.multinomial(weights, count, replacement=True, generator=self._parameters)

    def values(self, wanted: Range, count: int) -> Tensor:
        """[count] values of a range at this scale, on the CPU; nothing is drawn where it holds one value alone."""
        low, high = wanted.at(self.scale)
        return torch.full((count,), low) if wanted.is_fixed else low + (high - low) * self.uniform(count)

    def whole_values(self, wanted: Range, count: int, step: int = 1) -> Tensor:
        """[count] whole numbers low, low + step .. high of a range, each equally likely, int64 on the CPU."""
        low, high = (round(limit) for limit in wanted.at(self.scale))
        return low + step * torch.randint((high - low) // step + 1, (count,), generator=self._parameters)

    def on_device(self, values: Tensor) -> Tensor:
        """Values from the CPU on the device, which needn't be waited for."""
        return values.to(self._fields.device, non_blocking=True)

    def per_image(self, wanted: Range, images: Tensor) -> Tensor:
        """One value an image of [N, 1, H, W], as [N, 1, 1, 1] on the device."""
        return self.on_device(self.values(wanted, len(images))).view(-1, 1, 1, 1)

    def normal(self, *shape: int) -> Tensor:
        """Normal numbers of mean 0 and deviation 1, on the device."""
        return torch.randn(shape, generator=self._fields, device=self._fields.device)

    def even(self, *shape: int) -> Tensor:
        """Numbers in 0..1, on the device."""
        return torch.rand(shape, generator=self._fields, device=self._fields.device)
