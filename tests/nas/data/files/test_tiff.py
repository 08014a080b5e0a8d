"""Pages and planes of TIFF files: where frames lie, and one frame decoded alone."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nas.data.files.meaning import NO_MEANING
from nas.data.files.tiff import Place, tiff_frame, tiff_places
from nas.data.files.unreadable import UnreadableImageError
from nas.data.synthetic import scene

FRAMES = np.stack([scene(number, 32, 48).astype(np.uint16) * 9 + 14_000 for number in range(4)])


def pages(path: Path, frames: np.ndarray = FRAMES, **options: object) -> Path:
    with tifffile.TiffWriter(path) as file:
        for frame in frames:
            file.write(frame, photometric="minisblack", **options)
    return path


def test_every_page_is_a_place_with_its_offset(tmp_path: Path) -> None:
    path = pages(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        offsets = [page.offset for page in file.pages]
    assert tiff_places(path, NO_MEANING) == tuple(Place(page=offset) for offset in offsets)


@pytest.mark.parametrize("options", [{}, {"compression": "lzw", "predictor": True}, {"tile": (16, 16)}], ids=str)
def test_a_frame_is_decoded_without_the_others(tmp_path: Path, options: dict[str, object]) -> None:
    path = pages(tmp_path / "a.tif", **options)
    third = tiff_places(path, NO_MEANING)[2]
    assert np.array_equal(tiff_frame(path, third, NO_MEANING), FRAMES[2])


def test_planes_of_one_page_are_places_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FRAMES[:3], photometric="minisblack", planarconfig="separate", metadata=None)
    found = tiff_places(path, NO_MEANING)
    assert [place.plane for place in found] == [0, 1, 2]
    assert len({place.page for place in found}) == 1
    assert np.array_equal(tiff_frame(path, found[1], NO_MEANING), FRAMES[1])


def test_colours_are_one_frame_in_the_order_blue_green_red(tmp_path: Path) -> None:
    path, colours = tmp_path / "a.tif", FRAMES[:3].transpose(1, 2, 0)
    tifffile.imwrite(path, colours, photometric="rgb")
    (place,) = tiff_places(path, NO_MEANING)
    assert np.array_equal(tiff_frame(path, place, NO_MEANING), colours[..., ::-1])


def test_white_as_zero_is_inverted(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, FRAMES[0], photometric="miniswhite")
    (place,) = tiff_places(path, NO_MEANING)
    assert np.array_equal(tiff_frame(path, place, NO_MEANING), 65535 - FRAMES[0])


def test_thumbnails_are_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(FRAMES[0], photometric="minisblack")
        file.write(FRAMES[0, ::4, ::4], photometric="minisblack", subfiletype=1)
    assert len(tiff_places(path, NO_MEANING)) == 1


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (FRAMES[0].astype(np.float32), {}),
        (FRAMES[0].astype(np.complex64), {}),
        (FRAMES.transpose(1, 2, 0), {"photometric": "separated"}),
        (FRAMES[0], {"subfiletype": 1}),
    ],
    ids=["floats without a scale", "complex", "colours for print", "only a thumbnail"],
)
def test_a_page_that_is_no_infrared_image_is_refused(
    tmp_path: Path, image: np.ndarray, options: dict[str, object]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, **{"photometric": "minisblack", **options})
    with pytest.raises(UnreadableImageError, match=str(path)):
        tiff_places(path, NO_MEANING)


def test_strips_beyond_the_file_are_refused(tmp_path: Path) -> None:
    path = pages(tmp_path / "a.tif", FRAMES[:1])
    (place,) = tiff_places(path, NO_MEANING)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["StripOffsets"].overwrite(path.stat().st_size)
    with pytest.raises(UnreadableImageError):
        tiff_frame(path, place, NO_MEANING)
