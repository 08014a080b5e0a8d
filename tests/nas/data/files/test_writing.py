"""Images are written whole or not at all, and are read back with the same values."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nas.data.files.unreadable import Pixels
from nas.data.files.writing import WRITTEN, check_target, write_frames
from nas.data.synthetic import scene
from nas.errors import InputError

FRAMES = np.stack([scene(number, 32, 48).astype(np.uint16) * 9 + 14_000 for number in range(3)])


def read(path: Path) -> Pixels:
    match path.suffix.lower():
        case ".npy":
            return np.load(path)
        case ".tif" | ".tiff":
            return tifffile.imread(path)
        case _:
            return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "A.TIFF", "a.png"])
def test_an_image_of_sixteen_bits_is_read_back(tmp_path: Path, name: str) -> None:
    write_frames(tmp_path / name, [FRAMES[0]])
    found = read(tmp_path / name)
    assert found.dtype == np.uint16
    assert np.array_equal(found, FRAMES[0])


@pytest.mark.parametrize("name", ["a.npy", "a.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_frames_of_any_type_are_read_back(tmp_path: Path, name: str, dtype: type) -> None:
    frames = (FRAMES // 200).astype(dtype)
    write_frames(tmp_path / name, iter(frames), len(frames))
    found = read(tmp_path / name)
    assert found.dtype == dtype
    assert np.array_equal(found, frames)


@pytest.mark.parametrize("suffix", WRITTEN)
def test_every_format_holds_one_image_of_eight_bits(tmp_path: Path, suffix: str) -> None:
    path, image = tmp_path / f"a{suffix}", scene(0, 32, 48)
    check_target(path, 1, image.dtype)
    write_frames(path, [image])
    assert np.abs(read(path).astype(int) - image).max() <= (40 if suffix in (".jpg", ".jpeg") else 0)


@pytest.mark.parametrize(
    ("name", "count", "dtype"),
    [
        ("a.raw", 1, "uint16"),
        ("a.gif", 1, "uint8"),
        ("a", 1, "uint8"),
        ("a.png", 2, "uint8"),
        ("a.png", 1, "float32"),
        ("a.jpg", 1, "uint16"),
        ("a.bmp", 1, "uint16"),
    ],
)
def test_a_file_that_cannot_hold_the_frames_is_refused(tmp_path: Path, name: str, count: int, dtype: str) -> None:
    with pytest.raises(InputError, match=name):
        check_target(tmp_path / name, count, np.dtype(dtype))


@pytest.mark.parametrize("name", ["a.npy", "a.tif"])
def test_a_failure_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    def failing() -> Iterator[Pixels]:
        yield FRAMES[0]
        raise ValueError("the second frame fails")

    write_frames(tmp_path / name, [FRAMES[2]])
    with pytest.raises(ValueError, match="the second frame fails"):
        write_frames(tmp_path / name, failing(), 2)
    assert np.array_equal(read(tmp_path / name), FRAMES[2])
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_an_array_needs_frames_of_one_size(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="different sizes"):
        write_frames(tmp_path / "a.npy", [FRAMES[0], FRAMES[1, :8]], 2)
    assert list(tmp_path.iterdir()) == []
