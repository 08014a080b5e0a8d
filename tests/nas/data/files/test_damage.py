"""Damaged files of every kind give images or one sentence, and never take long."""

import random
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from nas.data.frames import Counts, Meaning, RawShape, frames_in
from nas.data.images import Pixels, UnreadableImageError, read_image
from nas.data.synthetic import scene

GRAY = scene(0, 48, 40)
STACK = np.stack([GRAY.astype(np.uint16) * 9 + 14_000 + number for number in range(4)])
MEANING = Meaning(Counts(scale=0.01), RawShape(width=40, height=48, type="uint16"))
MUTANTS = 60
NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80")


def picture(kind: str, **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(GRAY).save(file, kind, **options)
    return file.getvalue()


def tiff(image: Pixels, **options: Any) -> bytes:
    file = BytesIO()
    tifffile.imwrite(file, image, **options)
    return file.getvalue()


def array(image: Pixels) -> bytes:
    file = BytesIO()
    np.save(file, image)
    return file.getvalue()


WHOLE: dict[str, Callable[[], bytes]] = {
    "a.png": lambda: picture("PNG"),
    "a.jpg": lambda: picture("JPEG"),
    "progressive.jpg": lambda: picture("JPEG", progressive=True, restart_marker_rows=1),
    "a.bmp": lambda: picture("BMP"),
    "stack.tif": lambda: tiff(STACK, photometric="minisblack"),
    "lzw.tif": lambda: tiff(STACK, photometric="minisblack", compression="lzw", predictor=True),
    "tiles.tif": lambda: tiff(STACK, photometric="minisblack", compression="zlib", tile=(16, 16)),
    "imagej.tif": lambda: tiff(STACK, imagej=True),
    "big.tif": lambda: tiff(STACK, photometric="minisblack", bigtiff=True, rowsperstrip=5),
    "packed.tif": lambda: tiff(STACK[0] - 14_000, photometric="minisblack", bitspersample=12),
    "float.tif": lambda: tiff((STACK[0] * 0.01).astype(np.float32), compression="zlib", predictor=3),
    "jpeg.tif": lambda: picture("TIFF", compression="jpeg"),
    "packbits.tif": lambda: picture("TIFF", compression="packbits"),
    "a.npy": lambda: array(STACK),
    "a.raw": STACK.tobytes,
}


def damaged(data: bytes, draws: random.Random) -> bytes:
    """Change bytes and numbers, mostly of the header, cut pieces out, or cut the end off."""
    changed = bytearray(data)
    for _ in range(draws.choice((1, 1, 2, 8))):
        place = draws.randrange(len(changed)) if draws.random() < 0.4 else min(len(changed) - 1, draws.randrange(300))
        way = draws.random()
        if way < 0.6:
            changed[place] = draws.randrange(256)
        elif way < 0.8:
            changed[place : place + 4] = draws.choice(NUMBERS)
        elif way < 0.9 and len(changed) > 400:
            del changed[place : place + draws.randrange(1, 200)]
        else:
            del changed[place + 1 :]
    return bytes(changed)


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_is_an_image_or_one_sentence(tmp_path: Path, name: str) -> None:
    whole, draws, refused = WHOLE[name](), random.Random(name), 0
    path = tmp_path / name
    path.write_bytes(whole)
    assert all(read_image(frame, MEANING).shape == GRAY.shape for frame in frames_in(path, MEANING))
    for _ in range(MUTANTS):
        path.write_bytes(damaged(whole, draws))
        before = time.monotonic()
        try:
            for frame in frames_in(path, MEANING):
                assert read_image(frame).dtype in (np.uint8, np.uint16)
        except UnreadableImageError as error:
            refused += 1
            assert "\n" not in str(error)
        assert time.monotonic() - before < 10
    assert refused
