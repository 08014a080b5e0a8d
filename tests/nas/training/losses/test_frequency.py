import math
from collections.abc import Callable

import torch

from nas.training.losses import Batch, Criterion

Make = Callable[..., Criterion]


def test_a_single_wave_gives_the_closed_form(make: Make) -> None:
    """A cosine of amplitude a has one bin of a/2 times the side among the side x (side/2 + 1) of the half spectrum."""
    side, amplitude = 16, 0.2
    wave = amplitude * torch.cos(2 * math.pi * 3 / side * torch.arange(side)).expand(1, 1, side, side)
    expected = amplitude / 2 * side / (2 * side * (side // 2 + 1))
    assert math.isclose(make("fft")(Batch(wave, torch.zeros_like(wave), wave)), expected, rel_tol=1e-4)


def test_its_size_does_not_depend_on_the_patch(make: Make) -> None:
    generator = torch.Generator().manual_seed(0)
    losses = []
    for side in (32, 64, 128):
        noise = torch.randn(4, 1, side, side, generator=generator)
        losses.append(make("fft")(Batch(noise, torch.zeros_like(noise), noise)).item())
    assert max(losses) < 1.05 * min(losses)


def test_a_shift_counts_although_the_magnitudes_are_equal(make: Make) -> None:
    image = torch.rand(1, 1, 16, 16)
    assert make("fft")(Batch(image, image.roll(1, -1), image)) > 0.05
