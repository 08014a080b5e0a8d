"""No file takes more memory than its size can justify: what it promises is checked before a pixel is decoded."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from radiometric_files import fff, flir_jpeg, flir_record

from nas.data.files.jpeg import FRAMES
from nas.data.files.limits import MAX_MEGAPIXELS
from nas.data.images import UnreadableImageError, read_image
from nas.data.synthetic import scene
from nas.errors import InputError

ALLOWED = 64 << 20
"""Bytes of address space that reading one of the files below may take, beyond what the imports take."""

READ_ALL = f"""
import json, resource, sys
from pathlib import Path
from nas.data.frames import RawShape, Meaning, frames_in
from nas.data.images import read_image
import tifffile, imagecodecs
read_image(Path(sys.argv[1]) / "good.png"), read_image(Path(sys.argv[1]) / "good.tif")
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + {ALLOWED}, now + {ALLOWED}))
found = {{}}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        found[path.name] = [list(read_image(frame).shape) for frame in frames_in(path)]
    except Exception as error:
        found[path.name] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(found))
"""


def chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return struct.pack(">I", size) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return start + b"".join(chunks) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, said_width: int, said_height: int) -> bytes:
    """A JPEG of one size whose frame says another."""
    file = BytesIO()
    Image.fromarray(scene(0, height, width)).save(file, "JPEG")
    data, position = bytearray(file.getvalue()), 2
    while data[position + 1] not in FRAMES:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    data[position + 5 : position + 9] = struct.pack(">HH", said_height, said_width)
    return bytes(data)


def tiff_saying(path: Path, **tags: int) -> None:
    """Write a small TIFF and change numbers of its tags."""
    tifffile.imwrite(path, scene(0, 64, 48), compression="zlib", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        for name, value in tags.items():
            file.pages[0].tags[name].overwrite(value)


@pytest.fixture(scope="module")
def promises(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small files that ask for much memory, and three honest ones."""
    folder = tmp_path_factory.mktemp("promises")
    good = np.zeros((2000, 2000), np.uint8)  # deflate makes 1,000 bytes of one here
    Image.fromarray(good).save(folder / "good.png")
    tifffile.imwrite(folder / "good.tif", good, compression="zlib")
    tifffile.imwrite(folder / "good_lzw.tif", good, compression="lzw")
    body = zlib.compress(bytes(41 * 48))[:60]
    (folder / "idat.png").write_bytes(png(48, 40, chunk(b"IDAT", body, 0xFF000000)))
    (folder / "size.png").write_bytes(png(60_000, 60_000, chunk(b"IDAT", zlib.compress(bytes(99)))))
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 << 20)))
    (folder / "text.png").write_bytes(png(48, 40, text, chunk(b"IDAT", zlib.compress(bytes(40 * 49)))))
    (folder / "size.jpg").write_bytes(jpeg(32, 32, 65_000, 16_000))
    raw = flir_record(np.zeros((4, 4), np.uint16), png(30_000, 30_000, chunk(b"IDAT", b"")))
    (folder / "flir.jpg").write_bytes(flir_jpeg(fff(raw)))
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 999, 0, 0, 54, 40, 30_000, 30_000, 1, 8, 0, 0, 0, 0, 0, 0)
    (folder / "size.bmp").write_bytes(header + bytes(999))
    tiff_saying(folder / "size.tif", ImageWidth=60_000, ImageLength=60_000)
    tiff_saying(folder / "rows.tif", ImageLength=60_000, RowsPerStrip=60_000)
    tifffile.imwrite(
        folder / "strip.tif",
        np.zeros((10_000, 10_000), np.uint8),
        compression="zlib",
        metadata=None,
        rowsperstrip=10_000,
    )
    with tifffile.TiffFile(folder / "strip.tif", mode="r+") as file:
        file.pages[0].tags["ImageLength"].overwrite(15)  # but its strips unpack to as many rows as before
    inner = BytesIO(jpeg(32, 32, 32, 32))
    Image.open(inner).save(folder / "inner.tif", compression="jpeg")
    data = bytearray((folder / "inner.tif").read_bytes())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 65_000, 16_000)
    (folder / "inner.tif").write_bytes(data)
    np.save(folder / "size.npy", np.zeros((4, 4), np.uint8))
    said = (folder / "size.npy").read_bytes().replace(b"(4, 4), }         ", b"(90000, 90000), } ")
    (folder / "size.npy").write_bytes(said)
    return folder


@pytest.fixture(scope="module")
def found(promises: Path) -> Iterator[dict[str, object]]:
    done = subprocess.run([sys.executable, "-c", READ_ALL, promises], capture_output=True, text=True, check=True)
    yield json.loads(done.stdout)


def test_files_that_promise_too_much_are_refused_without_taking_memory(found: dict[str, object]) -> None:
    refused = {name: said for name, said in found.items() if not name.startswith(("good", "text"))}
    assert len(refused) == 10
    for name, said in refused.items():
        assert str(said).startswith("UnreadableImageError"), (name, said)
    assert "says that it has 65000 x 16000 pixels" in str(found["size.jpg"])
    assert "truncated" in str(found["idat.png"])


def test_a_text_in_a_png_is_not_unpacked(found: dict[str, object]) -> None:
    assert found["text.png"] == [[40, 48]]


def test_flat_images_are_read_however_small_their_files(found: dict[str, object]) -> None:
    assert [found[name] for name in ("good.png", "good.tif", "good_lzw.tif")] == [[[2000, 2000]]] * 3


def test_the_limit_is_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.zeros((700, 700), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setenv(MAX_MEGAPIXELS, "0.4")
    with pytest.raises(UnreadableImageError, match="says that it has 700 x 700 pixels, but NAS_MAX_IMAGE_MPIXELS"):
        read_image(tmp_path / "a.png")
    monkeypatch.setenv(MAX_MEGAPIXELS, "0.5")
    assert read_image(tmp_path / "a.png").shape == (700, 700)


@pytest.mark.parametrize("text", ["much", "0", "-3", "nan", "inf"])
def test_a_limit_that_is_no_number_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    Image.fromarray(np.zeros((7, 7), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setenv(MAX_MEGAPIXELS, text)
    with pytest.raises(InputError, match=f"NAS_MAX_IMAGE_MPIXELS is '{text}', but a number of megapixels"):
        read_image(tmp_path / "a.png")


# JPEGs that lack rows


@pytest.mark.parametrize("said", [97, 104, 112, 800])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"restart_marker_rows": 1}, {"restart_marker_blocks": 3}]
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_with_fewer_rows_than_it_says_is_refused(
    tmp_path: Path, mode: str, options: dict[str, int], said: int
) -> None:
    bands = [Image.fromarray(scene(number, 96, 80)) for number in range(len(mode))]
    (Image.merge(mode, bands)).save(tmp_path / "a.jpg", **options)
    assert read_image(tmp_path / "a.jpg").shape == (96, 80)
    data = bytearray((tmp_path / "a.jpg").read_bytes())
    place = data.index(b"\xff\xc2" if "progressive" in options else b"\xff\xc0") + 5
    data[place : place + 2] = struct.pack(">H", said)
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(UnreadableImageError, match="truncated"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("level", [100, 127, 128, 129])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_of_just_that_gray_is_whole(tmp_path: Path, level: int, options: dict[str, int], capfd) -> None:
    Image.fromarray(np.full((43, 37), level, np.uint8)).save(tmp_path / "a.jpg", **options)
    assert (read_image(tmp_path / "a.jpg") == level).all()
    assert capfd.readouterr() == ("", "")
