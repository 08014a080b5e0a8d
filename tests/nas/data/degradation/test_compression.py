import cv2
import numpy as np
import pytest
import torch
from tiny_images import to_tensor

from nas.data.degradation.compression import jpeg
from nas.data.images import to_pixels
from nas.data.synthetic import scene

from .laws import apply


def by_opencv(pixels: np.ndarray, quality: int) -> np.ndarray:
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE).astype(int)


def difference(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Between our JPEG and that of OpenCV, in levels."""
    ours = to_pixels(jpeg(to_tensor(pixels), torch.tensor([quality])), np.uint8).astype(int)
    return np.abs(ours - by_opencv(pixels, quality))


@pytest.mark.parametrize("quality", [1, 10, 30, 49, 50, 75, 95, 100])
@pytest.mark.parametrize("size", [(64, 72), (61, 83)])
def test_jpeg_is_that_of_libjpeg_to_a_level(quality: int, size: tuple[int, int]) -> None:
    # A coefficient in the middle between two steps may go the other way, and takes a block of 64 pixels with it.
    there = difference(scene(1, *size), quality)
    assert (there > 1).mean() < 0.03
    assert there.mean() < 0.15
    noise = difference(np.random.default_rng(0).integers(0, 256, size).astype(np.uint8), quality)
    assert (noise > 1).mean() < 0.05


@pytest.mark.parametrize("size", [(8, 8), (3, 5), (1, 1), (17, 9)])
def test_an_image_needs_no_whole_blocks(size: tuple[int, int]) -> None:
    assert difference(np.random.default_rng(0).integers(0, 256, size).astype(np.uint8), 100).max() <= 1


def test_each_image_has_a_quality_of_its_own() -> None:
    images = to_tensor(scene(2, 48, 64)).repeat(3, 1, 1, 1)
    together = jpeg(images, torch.tensor([30, 95, 30]))
    assert torch.equal(together[0], together[2])
    assert torch.equal(together[1:2], jpeg(images[:1], torch.tensor([95])))
    errors = (together - images).square().mean((1, 2, 3))
    assert errors[0] > 4 * errors[1]


def test_qualities_are_drawn_as_whole_numbers_from_the_whole_range() -> None:
    image = to_tensor(scene(3, 32, 32))
    possible = [jpeg(image, torch.tensor([quality]))[0] for quality in (30, 31, 32)]
    drawn = apply("jpeg: {quality: [30, 32]}", image.repeat(40, 1, 1, 1))
    counts = [sum(bool(torch.equal(one, wanted)) for one in drawn) for wanted in possible]
    assert sum(counts) == 40
    assert min(counts) > 4


def test_values_beyond_the_range_are_clipped() -> None:
    image = torch.full((1, 1, 8, 8), 1.7)
    assert torch.allclose(jpeg(image, torch.tensor([90])), torch.ones(1, 1, 8, 8))


@pytest.mark.parametrize("bits", [1, 4, 8, 14])
def test_quantising_leaves_the_levels_of_that_many_bits(bits: int) -> None:
    image = torch.linspace(-0.2, 1.2, 40000).view(1, 1, 200, 200)
    quantised = apply(f"quantise: {{bits: {bits}}}", image)
    assert quantised.unique().numel() == min(2**bits, 28000) or bits == 14
    assert (quantised - image.clamp(0, 1)).abs().max() <= 0.5 / (2**bits - 1) + 1e-6
    assert (quantised.min(), quantised.max()) == (0, 1)
