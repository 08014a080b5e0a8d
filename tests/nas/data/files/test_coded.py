"""PNG, JPEG and BMP files: their header is checked, then they are decoded as a viewer shows them."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from radiometric_files import fff, flir_jpeg, flir_record

from nas.data.files.coded import check_coded, decode_coded, is_coded
from nas.data.files.unreadable import UnreadableImageError
from nas.data.synthetic import scene

GRAY = scene(0, 48, 64)
NOWHERE = Path("a.img")


def coded(kind: str, image: np.ndarray = GRAY, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_coded_picture_is_known_by_its_first_bytes(kind: str) -> None:
    assert is_coded(coded(kind)[:8])
    assert not is_coded(coded("TIFF")[:8])


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_a_lossless_picture_is_decoded_exactly(kind: str) -> None:
    found = decode_coded(NOWHERE, coded(kind))
    assert np.array_equal(found.values, GRAY)
    assert not found.is_radiometric


def test_sixteen_bits_of_a_png_stay_counts() -> None:
    counts = GRAY.astype(np.uint16) * 9 + 14_000
    found = decode_coded(NOWHERE, coded("PNG", counts)).values
    assert found.dtype == np.uint16
    assert np.array_equal(found, counts)


def test_colours_are_in_the_order_blue_green_red() -> None:
    colours = np.stack([GRAY, GRAY // 2, GRAY // 3], axis=2)
    assert np.array_equal(decode_coded(NOWHERE, coded("PNG", colours)).values, colours[..., ::-1])


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_the_orientation_of_the_header_is_applied(kind: str) -> None:
    exif = Image.Exif()
    exif[0x112] = 6
    data = coded(kind, exif=exif)
    assert check_coded(NOWHERE, data) == 6
    assert decode_coded(NOWHERE, data).values.shape == (64, 48)


def test_a_radiometric_jpeg_is_its_counts() -> None:
    counts = GRAY.astype(np.uint16) * 9 + 14_000
    found = decode_coded(NOWHERE, flir_jpeg(fff(flir_record(counts))))
    assert found.is_radiometric
    assert np.array_equal(found.values, counts)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_cut_picture_is_refused(kind: str, share: float) -> None:
    data = coded(kind)
    with pytest.raises(UnreadableImageError):
        decode_coded(NOWHERE, data[: int(len(data) * share)])


def test_a_flat_gray_jpeg_is_not_taken_for_a_cut_one() -> None:
    flat = np.full((48, 64), 128, np.uint8)
    assert np.array_equal(decode_coded(NOWHERE, coded("JPEG", flat)).values, flat)


def test_a_header_that_promises_too_much_is_refused_before_decoding() -> None:
    data = bytearray(coded("BMP"))
    data[18:22] = (60_000).to_bytes(4, "little")
    data[22:26] = (60_000).to_bytes(4, "little")
    with pytest.raises(UnreadableImageError, match="60000 x 60000"):
        check_coded(NOWHERE, bytes(data))
