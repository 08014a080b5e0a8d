"""What an image says beside its pixels is kept, as far as it still holds; and no value of a pixel changes by it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nas.data.frames import frames_in
from nas.data.images import read_image
from nas.data.synthetic import scene
from nas.deploy.upscale import upscale_files
from nas.deploy.upscaler import Upscaler
from nas.model import Model

GRAY = scene(0, 36, 48)
DEEP = GRAY.astype(np.uint16) * 9 + 14_000
DESCRIPTION, MODEL, ORIENTATION, EXIF, GPS = 270, 272, 274, 0x8769, 0x8825
WIDTH, HEIGHT, MAKER_NOTE, EXPOSURE = 0xA002, 0xA003, 0x927C, 0x829A


@pytest.fixture(scope="module")
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("espcn/ESPCN", image_skip=True)


def described(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[MODEL], exif[ORIENTATION] = "roof, north", "Boson 640", orientation
    exif.get_ifd(EXIF).update({EXPOSURE: 0.01, WIDTH: 48, HEIGHT: 36, MAKER_NOTE: b"offsets of this file"})
    exif.get_ifd(GPS).update({1: "N", 2: (50.0, 6.0, 30.0)})
    return exif


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize("pixels", [GRAY, DEEP], ids=["8-bit", "16-bit"])
def test_a_png_keeps_texts_exif_and_size_in_inches(model: Model, tmp_path: Path, pixels: np.ndarray) -> None:
    info = PngInfo()
    info.add_text("Description", "roof")
    info.add_text("Emissivity", "0.95")
    info.add_itxt("Title", "Dach über Süd")
    Image.fromarray(pixels).save(tmp_path / "a.png", pnginfo=info, exif=described(), dpi=(300, 150))
    upscale_files(model, tmp_path / "a.png", tmp_path / "o.png")
    found = opened(tmp_path / "o.png")
    assert found.text == {"Description": "roof", "Emissivity": "0.95", "Title": "Dach über Süd"}
    assert found.info["dpi"] == pytest.approx((600, 300), abs=0.1)
    check_exif(found.getexif(), (96, 72))
    assert np.array_equal(read_image(tmp_path / "o.png"), Upscaler(model)(pixels))


def check_exif(exif: Image.Exif, size: tuple[int, int]) -> None:
    assert (exif[DESCRIPTION], exif[MODEL], exif.get(ORIENTATION, 1)) == ("roof, north", "Boson 640", 1)
    inner = exif.get_ifd(EXIF)
    assert float(inner[EXPOSURE]) == pytest.approx(0.01)
    assert (inner[WIDTH], inner[HEIGHT]) == size
    assert MAKER_NOTE not in inner
    assert exif.get_ifd(GPS)[1] == "N"


def test_a_jpeg_keeps_its_exif_upright_and_its_pixels_are_those_without(model: Model, tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "a.jpg", exif=described(orientation=6), dpi=(72, 36), quality=95)
    upscale_files(model, tmp_path / "a.jpg", tmp_path / "o.jpg")
    found = opened(tmp_path / "o.jpg")
    assert found.size == (72, 96)
    check_exif(found.getexif(), (72, 96))
    assert found.info["dpi"] == (72, 144)
    plain = cv2.imencode(".jpg", Upscaler(model)(read_image(tmp_path / "a.jpg")))[1]
    assert np.array_equal(read_image(tmp_path / "o.jpg"), cv2.imdecode(plain, cv2.IMREAD_UNCHANGED))


def test_each_page_of_a_tiff_keeps_its_tags(model: Model, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number in range(3):
            file.write(
                DEEP,
                photometric="minisblack",
                metadata=None,
                resolution=(100, 50),
                resolutionunit="CENTIMETER",
                description=f"frame {number}",
                software="camera 1.2",
                extratags=[
                    (272, 2, None, "Boson 640", False),
                    (65001, 12, 2, (0.04, -273.15), False),
                    (65002, 2, None, "R=1", False),
                    (65003, 13, 1, 8, False),
                    (33550, 12, 3, (0.5, 0.5, 0.0), False),
                    (33922, 12, 6, (10.0, 20.0, 0.0, 4e5, 5e6, 0.0), False),
                ],
            )
    upscale_files(model, tmp_path / "a.tif", tmp_path / "o.tif")
    with tifffile.TiffFile(tmp_path / "o.tif") as file:
        assert len(file.pages) == 3
        for number, page in enumerate(file.pages):
            tags = {tag.code: tag.value for tag in page.tags}
            assert (tags[270], tags[272], tags[305]) == (f"frame {number}", "Boson 640", "camera 1.2")
            assert (tags[65001], tags[65002]) == ((0.04, -273.15), "R=1")
            assert 65003 not in tags  # an offset in the old file
            assert (tags[33550], tags[33922]) == ((0.25, 0.25, 0.0), (20.0, 40.0, 0.0, 4e5, 5e6, 0.0))
            assert (tags[256], tags[257], tags[296]) == (96, 72, 2)
            assert page.get_resolution("CENTIMETER") == pytest.approx((200, 100))
    assert len(frames_in(tmp_path / "o.tif")) == 3
    assert np.array_equal(read_image(tmp_path / "o.tif"), Upscaler(model)(DEEP))


@pytest.mark.parametrize("kind", ["shaped", "imagej", "ome"])
def test_descriptions_that_state_the_old_sizes_are_not_kept(model: Model, tmp_path: Path, kind: str) -> None:
    stack = np.stack([DEEP] * 3)
    options = {"shaped": {}, "imagej": {"imagej": True}, "ome": {"ome": True}}[kind]
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", **options)
    upscale_files(model, tmp_path / "a.tif", tmp_path / "o.tif")
    assert tifffile.imread(tmp_path / "o.tif").shape == (3, 72, 96)
    with tifffile.TiffFile(tmp_path / "o.tif") as file:
        assert not any(page.description for page in file.pages)


def test_what_all_formats_have_is_kept_from_one_to_another(model: Model, tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Description", "roof")
    Image.fromarray(DEEP).save(tmp_path / "a.png", pnginfo=info, dpi=(100, 100))
    upscale_files(model, tmp_path / "a.png", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].description == "roof"
        assert file.pages[0].get_resolution("INCH") == pytest.approx((200, 200), rel=1e-3)
    upscale_files(model, tmp_path / "b.tif", tmp_path / "c.png")
    found = opened(tmp_path / "c.png")
    assert found.getexif()[DESCRIPTION] == "roof"
    assert found.info["dpi"] == pytest.approx((400, 400), rel=1e-3)
    upscale_files(model, tmp_path / "c.png", tmp_path / "d.npy")
    assert np.load(tmp_path / "d.npy").shape == (8 * 36, 8 * 48)


def test_an_image_without_metadata_gets_none(model: Model, tmp_path: Path) -> None:
    for name in ("a.png", "a.tif"):
        cv2.imwrite(str(tmp_path / name), DEEP, [cv2.IMWRITE_TIFF_RESUNIT, 1])
        upscale_files(model, tmp_path / name, tmp_path / f"o{name}")
    assert set(opened(tmp_path / "oa.png").info) <= {"dpi"}
    with tifffile.TiffFile(tmp_path / "oa.tif") as file:
        assert {270, 305, 306} & {tag.code for tag in file.pages[0].tags} == set()


def test_a_picture_of_this_program_does_not_make_the_result_one(model: Model, tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Software", "infrared-sr-nas")
    Image.fromarray(GRAY).save(tmp_path / "a.png", pnginfo=info)
    upscale_files(model, tmp_path / "a.png", tmp_path / "o.png")
    assert "Software" not in opened(tmp_path / "o.png").text


def test_damaged_metadata_does_not_stop_the_upscaling(model: Model, tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "a.png", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fdamaged", dpi=(100, 100))
    upscale_files(model, tmp_path / "a.png", tmp_path / "o.png")
    assert np.array_equal(read_image(tmp_path / "o.png"), Upscaler(model)(GRAY))
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(GRAY, photometric="minisblack", metadata=None, extratags=[(306, 2, None, "no time", True)])
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[data.index(b"no time")] = 0xFF
    (tmp_path / "a.tif").write_bytes(data)
    upscale_files(model, tmp_path / "a.tif", tmp_path / "o.tif")
    assert np.array_equal(read_image(tmp_path / "o.tif"), Upscaler(model)(GRAY))
