"""The segments of a JPEG: size and orientation before decoding, and data added behind the scans."""

from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from nas.data.files.jpeg import APP1, FRAMES, JpegHeader, jpeg_header, segments, with_more_data
from nas.data.synthetic import scene

GRAY = scene(0, 48, 64)
WAYS: list[dict[str, Any]] = [{}, {"progressive": True}, {"restart_marker_rows": 1}]


def jpeg(image: np.ndarray = GRAY, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("way", WAYS, ids=["baseline", "progressive", "restarts"])
def test_the_header_holds_the_size(way: dict[str, Any]) -> None:
    assert jpeg_header(jpeg(**way)) == JpegHeader(width=64, height=48, channels=1, bits=8, orientation=1)
    colour = np.stack([GRAY] * 3, axis=2)
    assert jpeg_header(jpeg(colour, **way)) == JpegHeader(width=64, height=48, channels=3, bits=8, orientation=1)


def test_the_header_holds_the_orientation_of_exif() -> None:
    exif = Image.Exif()
    exif[0x112] = 8
    found = jpeg_header(jpeg(exif=exif))
    assert found is not None and found.orientation == 8


def test_segments_end_before_the_data_of_the_picture() -> None:
    exif = Image.Exif()
    exif[0x112] = 8
    data = jpeg(exif=exif)
    found = list(segments(data))
    markers = [marker for marker, _ in found]
    assert APP1 in markers and 0xDA not in markers
    assert sum(marker in FRAMES for marker in markers) == 1
    assert 2 + sum(4 + len(content) for _, content in found) == data.index(b"\xff\xda")


def test_a_file_that_ends_before_its_data_has_no_header() -> None:
    data = jpeg()
    for end in range(2, data.index(b"\xff\xda")):
        assert jpeg_header(data[:end]) is None


@pytest.mark.parametrize("way", WAYS, ids=["baseline", "progressive", "restarts"])
def test_more_data_changes_only_a_picture_that_lacks_data(way: dict[str, Any]) -> None:
    data = jpeg(**way)
    assert len(with_more_data(data)) > len(data)
    assert np.array_equal(imagecodecs.jpeg8_decode(with_more_data(data)), imagecodecs.jpeg8_decode(data))


def test_more_data_shows_where_data_are_missing() -> None:
    data = jpeg()
    cut = data[: len(data) * 2 // 3] + b"\xff\xd9"
    filled, decoded = imagecodecs.jpeg8_decode(cut), imagecodecs.jpeg8_decode(with_more_data(cut))
    assert np.array_equal(filled[:8], decoded[:8])
    assert not np.array_equal(filled[-8:], decoded[-8:])
