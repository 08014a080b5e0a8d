"""The chunks of a PNG: size, bits, orientation and frames before decoding."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.data.files.png import PngHeader, png_header
from nas.data.synthetic import scene

GRAY = scene(0, 48, 64)


def png(image: np.ndarray = GRAY, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "channels", "bits"),
    [
        (GRAY, 1, 8),
        (GRAY.astype(np.uint16) * 9, 1, 16),
        (np.stack([GRAY] * 2, axis=2), 2, 8),
        (np.stack([GRAY] * 3, axis=2), 3, 8),
        (np.stack([GRAY] * 4, axis=2), 4, 8),
    ],
    ids=["gray", "counts", "gray and alpha", "colour", "colour and alpha"],
)
def test_the_header_holds_size_channels_and_bits(image: np.ndarray, channels: int, bits: int) -> None:
    assert png_header(png(image)) == PngHeader(64, 48, channels, bits, orientation=1, frames=1)


def test_the_header_holds_the_orientation_of_exif() -> None:
    exif = Image.Exif()
    exif[0x112] = 3
    found = png_header(png(exif=exif))
    assert found is not None and found.orientation == 3


def test_the_frames_of_an_animation_are_counted() -> None:
    others = [Image.fromarray(scene(number, 48, 64)) for number in (1, 2)]
    found = png_header(png(save_all=True, append_images=others))
    assert found is not None and found.frames == 3


def test_a_cut_file_has_no_header() -> None:
    data = png()
    for end in range(8, len(data), 7):
        assert png_header(data[:end]) is None
    assert png_header(data) is not None


def test_a_chunk_longer_than_the_file_is_refused() -> None:
    data = bytearray(png())
    place = data.index(b"IDAT") - 4
    data[place : place + 4] = (1 << 30).to_bytes(4, "big")
    assert png_header(bytes(data)) is None
