"""The orientation in Exif data, and images turned by it as Pillow turns them."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from nas.data.files.orientation import UPRIGHT, orientation_of, upright
from nas.data.synthetic import scene


def exif_of(orientation: int, order: str = "<") -> bytes:
    start = {"<": b"II*\0", ">": b"MM\0*"}[order]
    entries = struct.pack(f"{order}HHIHH", 256, 3, 1, 64, 0) + struct.pack(f"{order}HHIHH", 274, 3, 1, orientation, 0)
    return start + struct.pack(f"{order}IH", 8, 2) + entries + bytes(4)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_in_both_byte_orders(orientation: int, order: str) -> None:
    exif = exif_of(orientation, order)
    assert orientation_of(exif) == orientation_of(b"Exif\0\0" + exif) == orientation


def test_damaged_exif_is_upright() -> None:
    exif = exif_of(6)
    for end in range(len(exif) - 8):
        assert orientation_of(exif[:end]) == UPRIGHT
    assert orientation_of(b"no Exif at all") == UPRIGHT


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_a_viewer_turns_it(orientation: int) -> None:
    pixels = scene(0, 32, 48)
    image = Image.fromarray(pixels)
    image.getexif()[0x112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    found = upright(pixels, orientation)
    assert np.array_equal(found, expected) and found.flags.c_contiguous
    colours = upright(np.stack([pixels] * 3, axis=2), orientation)
    assert np.array_equal(colours, np.stack([expected] * 3, axis=2))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_unknown_number_leaves_the_image(orientation: int) -> None:
    pixels = scene(0, 32, 48)
    assert np.array_equal(upright(pixels, orientation), pixels)
