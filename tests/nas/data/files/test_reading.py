"""Files of all kinds are read the same way: first the places of their frames, then one frame."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nas.data.files.meaning import NO_MEANING, Counts, Meaning, RawShape
from nas.data.files.reading import contents, places
from nas.data.files.unreadable import UnreadableImageError
from nas.data.synthetic import scene

FRAMES = np.stack([scene(number, 32, 48).astype(np.uint16) * 9 + 14_000 for number in range(3)])
RAW = Meaning(raw=RawShape(width=48, height=32, type="uint16"))


def written(folder: Path, name: str) -> Path:
    path = folder / name
    match path.suffix:
        case ".tif":
            tifffile.imwrite(path, FRAMES, photometric="minisblack")
        case ".npy":
            np.save(path, FRAMES)
        case ".raw":
            path.write_bytes(FRAMES.tobytes())
        case _:
            cv2.imwrite(str(path), FRAMES[0])
    return path


@pytest.mark.parametrize(
    ("name", "count", "meaning"),
    [("a.png", 1, NO_MEANING), ("a.tif", 3, NO_MEANING), ("a.npy", 3, NO_MEANING), ("a.raw", 3, RAW)],
)
def test_every_kind_has_places_and_contents(tmp_path: Path, name: str, count: int, meaning: Meaning) -> None:
    path = written(tmp_path, name)
    found = places(path, meaning)
    assert len(found) == count
    for number, place in enumerate(found):
        frame = contents(path, place, meaning)
        assert np.array_equal(frame.values, FRAMES[number])
        assert (frame.stored, frame.is_radiometric) == (np.uint16, False)


@pytest.mark.parametrize("name", ["a.tif", "a.npy"])
def test_values_in_a_unit_become_counts_and_their_type_is_kept(tmp_path: Path, name: str) -> None:
    path, kelvin = tmp_path / name, (FRAMES * 0.01).astype(np.float32)
    if name == "a.npy":
        np.save(path, kelvin)
    else:
        tifffile.imwrite(path, kelvin, photometric="minisblack")
    meaning = Meaning(Counts(scale=0.01))
    found = places(path, meaning)
    assert [place.is_scaled for place in found] == [True] * 3
    frame = contents(path, found[1], meaning)
    assert np.array_equal(frame.values, FRAMES[1])
    assert frame.stored == np.float32


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
@pytest.mark.parametrize("data", [b"", b"GIF89a and more", b"II*\0"], ids=["empty", "other", "start"])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=str(path)):
        places(path, NO_MEANING)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.npy"])
def test_a_file_that_does_not_exist_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableImageError, match=str(tmp_path / name)):
        places(tmp_path / name, NO_MEANING)
