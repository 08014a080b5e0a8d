"""The chain of directories of a TIFF: every break in it is found without decoding a page."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nas.data.files.directories import MAGICS, check_directories
from nas.data.files.unreadable import UnreadableImageError
from nas.data.synthetic import scene

FRAMES = np.stack([scene(number, 32, 48) for number in range(4)])
KINDS = [("<", False), (">", False), ("<", True), (">", True)]


def pages(path: Path, order: str = "<", big: bool = False) -> Path:
    with tifffile.TiffWriter(path, byteorder=order, bigtiff=big) as file:
        for frame in FRAMES:
            file.write(frame, photometric="minisblack")
    return path


@pytest.mark.parametrize(("order", "big"), KINDS)
def test_a_whole_file_of_each_kind_passes(tmp_path: Path, order: str, big: bool) -> None:
    path = pages(tmp_path / "a.tif", order, big)
    assert path.read_bytes().startswith(MAGICS)
    check_directories(path)


@pytest.mark.parametrize(("order", "big"), KINDS)
@pytest.mark.parametrize("share", [0.0005, 0.3, 0.7])
def test_a_cut_file_is_refused(tmp_path: Path, order: str, big: bool, share: float) -> None:
    path = pages(tmp_path / "a.tif", order, big)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnreadableImageError):
        check_directories(path)


@pytest.mark.parametrize("target", ["first directory", "itself", "beyond the file", "nowhere"])
def test_a_broken_chain_is_refused(tmp_path: Path, target: str) -> None:
    path = pages(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as file:
        offsets, end = [page.offset for page in file.pages], file.pages.next_page_offset
    data = bytearray(path.read_bytes())
    place = 4 if target == "nowhere" else end
    new = {"first directory": offsets[0], "itself": offsets[-1], "beyond the file": len(data), "nowhere": 0}[target]
    data[place : place + 4] = new.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError):
        check_directories(path)
