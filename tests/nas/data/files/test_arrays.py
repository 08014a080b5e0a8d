"""Frames of .npy files and headerless files are views of the file, in the file's type."""

from pathlib import Path

import numpy as np
import pytest

from nas.data.files.arrays import npy_frames, raw_frames
from nas.data.files.meaning import NO_MEANING, Counts, Meaning, RawShape
from nas.data.files.unreadable import UnreadableImageError
from nas.data.synthetic import scene

FRAMES = np.stack([scene(number, 32, 48).astype(np.uint16) * 9 + 14_000 for number in range(3)])


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array, allow_pickle=True)
    return path


def test_an_image_is_one_frame_and_a_stack_is_all_its_frames(tmp_path: Path) -> None:
    assert np.array_equal(npy_frames(saved(tmp_path / "a.npy", FRAMES[0]), NO_MEANING), FRAMES[:1])
    assert np.array_equal(npy_frames(saved(tmp_path / "b.npy", FRAMES), NO_MEANING), FRAMES)


def test_frames_of_an_array_are_not_in_memory(tmp_path: Path) -> None:
    assert isinstance(npy_frames(saved(tmp_path / "a.npy", FRAMES), NO_MEANING), np.memmap)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5, np.uint8),
        np.zeros((2, 2, 8, 8), np.uint8),
        np.zeros((0, 8), np.uint8),
        np.zeros((16, 16, 3), np.uint8),
        np.zeros((8, 8), complex),
        np.array([[{"a": 1}] * 8] * 8, object),
    ],
    ids=["line", "four axes", "empty", "colour image", "complex", "pickled"],
)
def test_an_array_that_is_no_frames_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(UnreadableImageError):
        npy_frames(saved(tmp_path / "a.npy", array), NO_MEANING)


def test_floats_need_a_scale(tmp_path: Path) -> None:
    kelvin = (FRAMES * 0.01).astype(np.float32)
    path = saved(tmp_path / "a.npy", kelvin)
    with pytest.raises(UnreadableImageError, match="--counts"):
        npy_frames(path, NO_MEANING)
    assert np.array_equal(npy_frames(path, Meaning(Counts(scale=0.01))), kelvin)


def test_a_cut_array_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npy", FRAMES)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableImageError):
        npy_frames(path, NO_MEANING)


def raw_shape(**changed: object) -> Meaning:
    return Meaning(raw=RawShape.model_validate({"width": 48, "height": 32, "type": "uint16", **changed}))


@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_headerless_frames_follow_the_header(tmp_path: Path, byte_order: str) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(10) + FRAMES.astype("<u2" if byte_order == "little" else ">u2").tobytes())
    found = raw_frames(path, raw_shape(byte_order=byte_order, header=10))
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, FRAMES)


def test_a_headerless_file_needs_a_shape_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(FRAMES.tobytes())
    with pytest.raises(UnreadableImageError, match=r"images\.yaml"):
        raw_frames(path, NO_MEANING)
    with pytest.raises(UnreadableImageError, match=f"{FRAMES.nbytes} bytes"):
        raw_frames(path, raw_shape(height=33))
    with pytest.raises(UnreadableImageError, match=f"{FRAMES.nbytes} bytes"):
        raw_frames(path, raw_shape(header=FRAMES.nbytes))
