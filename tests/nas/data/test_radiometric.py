import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from radiometric_files import (
    EXIF,
    dji_jpeg,
    fff,
    flir_jpeg,
    flir_record,
    picture,
    png,
    with_segments,
)

from nas.data.dataset import open_images
from nas.data.images import UnreadableImageError, decode_image, is_radiometric, read_image
from nas.data.radiometric import RadiometricError, sensor_counts
from nas.data.synthetic import scene

COUNTS = scene(0, 48, 64).astype(np.uint16) * 9 + 14_000
COUNTS[3, 4] = 2  # a dead pixel
RAW = flir_jpeg(fff(flir_record(COUNTS)))
PNG = flir_jpeg(fff(flir_record(COUNTS, png(COUNTS, swapped=True))))
DJI = dji_jpeg(COUNTS)


@pytest.mark.parametrize("container", [">", "<"])
@pytest.mark.parametrize("record", [">", "<"])
def test_raw_counts_of_flir_are_read_whatever_the_byte_order_of_their_headers(container: str, record: str) -> None:
    jpeg = flir_jpeg(fff(flir_record(COUNTS, order=record), order=container))
    assert np.array_equal(sensor_counts(jpeg), COUNTS)


@pytest.mark.parametrize("swapped", [True, False])
def test_a_png_of_flir_is_read_whichever_byte_comes_first(swapped: bool) -> None:
    counts = sensor_counts(flir_jpeg(fff(flir_record(COUNTS, png(COUNTS, swapped=swapped)))))
    assert np.array_equal(counts, COUNTS)
    assert counts is not None and counts.dtype == np.uint16


@pytest.mark.parametrize("number", [3, 4])
def test_counts_of_dji_are_read_from_either_place(number: int) -> None:
    assert np.array_equal(sensor_counts(dji_jpeg(COUNTS, number=number)), COUNTS)


def test_counts_of_dji_may_be_half_as_large_as_their_picture() -> None:
    assert np.array_equal(sensor_counts(dji_jpeg(COUNTS, picture_size=(96, 128))), COUNTS)


@pytest.mark.parametrize("jpeg", [RAW, PNG, DJI], ids=["raw", "png", "dji"])
def test_a_file_is_its_counts_and_never_its_picture(tmp_path: Path, jpeg: bytes) -> None:
    path = tmp_path / "a.JPG"
    path.write_bytes(jpeg)
    assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype == np.uint8
    assert np.array_equal(read_image(path), COUNTS)
    assert decode_image(path)[1:] == (False, True)
    assert is_radiometric(path)


def test_a_damaged_picture_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(DJI[: len(DJI) - 300])
    assert np.array_equal(read_image(path), COUNTS)


@pytest.mark.parametrize(
    "jpeg",
    [
        picture(48, 64),
        flir_jpeg(fff(b"a visible photograph", kind=14)),
        with_segments(picture(48, 64), (1, EXIF)),
        with_segments(picture(48, 64), (3, bytes(2 * 48 * 64))),
    ],
    ids=["plain", "FLIR without a raw image", "DJI without APP3", "another maker's APP3"],
)
def test_a_jpeg_without_counts_is_an_ordinary_one(tmp_path: Path, jpeg: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg)
    assert np.array_equal(
        read_image(path), cv2.imdecode(np.frombuffer(picture(48, 64), np.uint8), cv2.IMREAD_UNCHANGED)
    )
    assert not is_radiometric(path)


@pytest.mark.parametrize(
    ("jpeg", "reason"),
    [
        (with_segments(picture(9, 9), (1, b"FLIR\0\1\0\2FFF\0"), (1, b"FLIR\0\1\2\2abc")), "2 segments of FLIR data"),
        (with_segments(picture(9, 9), (1, b"FLIR\0")), "1 segments of FLIR data"),
        (flir_jpeg(b"AFF\0" + bytes(100)), "FLIR data of an unknown form"),
        (flir_jpeg(b"FFF\0" + bytes(100)), "FLIR data of an unknown version"),
        (flir_jpeg(b"FFF\0"), "truncated FLIR data"),
        (flir_jpeg(fff(flir_record(COUNTS)[:-2])), "6142 bytes of counts, but 64 x 48 pixels need two each"),
        (flir_jpeg(fff(flir_record(COUNTS))[:-500]), "5644 bytes of counts"),
        (flir_jpeg(fff(flir_record(COUNTS[:0]))), "0 bytes of counts"),
        (flir_jpeg(fff(flir_record(COUNTS, png(COUNTS, swapped=True)[:900]))), "a damaged raw image of FLIR"),
        (flir_jpeg(fff(flir_record(COUNTS, png(COUNTS[:9], swapped=True)))), "a damaged raw image of FLIR"),
        (flir_jpeg(fff(flir_record(COUNTS, png(scene(0, 48, 64), swapped=False)))), "a damaged raw image of FLIR"),
        (
            dji_jpeg(COUNTS[:-1], picture_size=(48, 64)),
            "6016 bytes of DJI's thermal data, which fit neither its 64 x 48",
        ),
        (dji_jpeg(COUNTS)[:5200], "is a truncated radiometric JPEG"),
    ],
)
def test_counts_that_cannot_be_read_are_refused_with_the_reason(tmp_path: Path, jpeg: bytes, reason: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg)
    with pytest.raises(UnreadableImageError, match=rf"a\.jpg (has|is).*{reason}|a\.jpg {reason}"):
        read_image(path)
    assert not is_radiometric(path)


@given(seed=st.integers(0, 2**32), jpeg=st.sampled_from([RAW, PNG, DJI]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_damaged_there_is_an_image_or_a_reason(seed: int, jpeg: bytes) -> None:
    chance, damaged = random.Random(seed), bytearray(jpeg)
    headers = max(jpeg.find(b"FFF\0"), 0)  # where a wrong number does most harm
    for _ in range(chance.randint(1, 30)):
        place = headers + chance.randrange(200) if chance.random() < 0.7 else chance.randrange(len(jpeg))
        damaged[place] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
    if chance.random() < 0.5:
        del damaged[chance.randrange(len(damaged)) :]
    try:
        counts = sensor_counts(bytes(damaged))
    except RadiometricError:
        return
    assert counts is None or (counts.dtype == np.uint16 and counts.ndim == 2)


def test_a_folder_of_radiometric_files_is_a_set_of_sixteen_bits(tmp_path: Path) -> None:
    for name, jpeg in {"flir.jpg": RAW, "dji.JPG": DJI}.items():
        (tmp_path / name).write_bytes(jpeg)
    images = open_images(tmp_path, scale=2, cache=tmp_path / "cache")
    assert images.names == ("dji.JPG", "flir.jpg")
    pair = images.pair(0)
    assert np.array_equal(pair.levels.integers(pair.hr)[0, 0].numpy(), COUNTS)
