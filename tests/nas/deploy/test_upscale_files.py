"""Files and folders to upscale: every frame is written, in its unit, or it is said why not."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from command import run_nas
from PIL import Image
from tiny_images import to_tensor

from nas.data.frames import Counts, Meaning, frames_in
from nas.data.images import Pixels, read_image, to_pixels, write_image
from nas.data.synthetic import scene
from nas.deploy.upscale import Upscaler, upscale_files
from nas.errors import InputError, RunError
from nas.model import Model
from search_spaces.layers.fused import fused

FRAMES = np.stack([scene(number, 40, 36).astype(np.uint16) * 9 + 14_000 for number in range(5)])
# Of such a file is a test: as tifffile writes it by default.
pytestmark = pytest.mark.filterwarnings("ignore:.*are stored as RGB with separate:DeprecationWarning")
CENTI = Meaning(Counts(scale=0.01))


@pytest.fixture(scope="module")
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("moremnas/MoreMNAS-C", image_skip=True)


def upscaled(model: Model, frames: Pixels) -> Pixels:
    return np.stack([Upscaler(model)(frame) for frame in frames])


def read_all(path: Path, meaning: Meaning = CENTI) -> Pixels:
    return np.stack([read_image(frame, meaning) for frame in frames_in(path, meaning)])


# Frames


@pytest.mark.parametrize("target", ["out.tif", "out.npy"])
def test_all_frames_of_a_file_are_written(model: Model, tmp_path: Path, target: str) -> None:
    calls: list[tuple[int, int]] = []
    tifffile.imwrite(tmp_path / "in.tif", FRAMES, photometric="minisblack")
    upscale_files(model, tmp_path / "in.tif", tmp_path / target, progress=lambda *n: calls.append(n))
    assert np.array_equal(read_all(tmp_path / target), upscaled(model, FRAMES))
    assert calls == [(number, 5) for number in range(1, 6)]


def test_several_frames_are_not_written_into_a_png(model: Model, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "in.tif", FRAMES[:4])  # as planes of a colour image
    with pytest.raises(InputError, match=r"out\.png: \.png can't hold 4 frames; use \.npy, \.tif, \.tiff"):
        upscale_files(model, tmp_path / "in.tif", tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]


def test_pages_may_differ_in_size_but_not_in_an_array(model: Model, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "in.tif") as file:
        for frame in (FRAMES[0], FRAMES[1, :30]):
            file.write(frame, photometric="minisblack")
    upscale_files(model, tmp_path / "in.tif", tmp_path / "out.tif")
    assert [read_image(frame).shape for frame in frames_in(tmp_path / "out.tif")] == [(80, 72), (60, 72)]
    with pytest.raises(InputError, match=r"out\.npy: \.npy can't hold frames of different sizes"):
        upscale_files(model, tmp_path / "in.tif", tmp_path / "out.npy")
    assert not (tmp_path / "out.npy").exists()


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.tif"])
def test_what_is_written_is_upright(model: Model, tmp_path: Path, name: str) -> None:
    image, exif = Image.fromarray(scene(0, 36, 48)), Image.Exif()
    exif[0x112] = 6
    if name.endswith("tif"):
        image.save(tmp_path / name, tiffinfo={0x112: 6})
    else:
        image.save(tmp_path / name, exif=exif)
    upscale_files(model, tmp_path / name, tmp_path / f"out_{name}")
    with Image.open(tmp_path / f"out_{name}") as written:
        assert (written.size, written.getexif().get(0x112, 1)) == ((72, 96), 1)


# Types and units


@pytest.mark.parametrize("name", ["k.tif", "k.npy"])
def test_kelvin_in_are_kelvin_out(model: Model, tmp_path: Path, name: str) -> None:
    kelvin = (FRAMES[:2] * 0.01).astype(np.float32)
    (np.save if name.endswith("npy") else tifffile.imwrite)(tmp_path / name, kelvin)
    upscale_files(model, tmp_path / name, tmp_path / f"o{name}", counts=Counts(scale=0.01))
    written = np.load(tmp_path / f"o{name}") if name.endswith("npy") else tifffile.imread(tmp_path / f"o{name}")
    assert written.dtype == np.float32
    assert np.abs(written - upscaled(model, FRAMES[:2]) * 0.01).max() < 1e-4
    with pytest.raises(InputError, match=r"out\.png: \.png can't hold"):
        upscale_files(model, tmp_path / name, tmp_path / "out.png", counts=Counts(scale=0.01))


def test_the_scale_stands_beside_the_images_or_in_the_model(model: Model, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    tifffile.imwrite(source / "k.tif", (FRAMES[0] * 0.01).astype(np.float32))
    with pytest.raises(RunError, match=r"0 of 1 images were written.*k\.tif holds float32 values, which need a scale"):
        upscale_files(model, source, tmp_path / "out")
    trained = Model(model.architecture, model.network, {**model.recipe, "counts": {"scale": 0.01}}, model.metrics)
    upscale_files(trained, source, tmp_path / "out")
    (source / "images.yaml").write_text("counts: {scale: 0.1, offset: 100}")
    upscale_files(model, source, tmp_path / "coarse")
    assert np.array_equal(read_all(tmp_path / "out" / "k.tif"), upscaled(model, FRAMES[:1]))
    coarse = np.rint((tifffile.imread(source / "k.tif").astype(float) - 100) / 0.1).astype(np.uint16)
    written = tifffile.imread(tmp_path / "coarse" / "k.tif")
    assert np.abs(written - (upscaled(model, coarse[None])[0] * 0.1 + 100)).max() < 1e-4


@pytest.mark.parametrize("shift", [0, 15_000])
def test_signed_integers_stay_signed(model: Model, tmp_path: Path, shift: int) -> None:
    tifffile.imwrite(tmp_path / "in.tif", (FRAMES[0].astype(int) - shift).astype(np.int16))
    given = Counts(scale=1, offset=-32_768) if shift else None
    upscale_files(model, tmp_path / "in.tif", tmp_path / "out.tif", counts=given)
    written = tifffile.imread(tmp_path / "out.tif")
    counts = FRAMES[0] + np.uint16(32_768 - shift if shift else 0)
    assert written.dtype == np.int16
    assert np.array_equal(written, upscaled(model, counts[None])[0].astype(int) - (32_768 if shift else 0))


def test_big_endian_counts_become_ordinary_ones(model: Model, tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", FRAMES[0].astype(">u2"))
    upscale_files(model, tmp_path / "in.npy", tmp_path / "out.npy")
    written = np.load(tmp_path / "out.npy")
    assert written.dtype == np.dtype("uint16")
    assert np.array_equal(written, upscaled(model, FRAMES[:1])[0])


def test_a_headerless_file_of_a_folder_becomes_a_tiff(model: Model, tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    FRAMES.tofile(source / "a.raw")
    (source / "images.yaml").write_text("raw: {width: 36, height: 40, type: uint16}")
    assert upscale_files(model, source, tmp_path / "out").files == (tmp_path / "out" / "a.tif",)
    assert np.array_equal(read_all(tmp_path / "out" / "a.tif"), upscaled(model, FRAMES))
    with pytest.raises(InputError, match="a headerless file doesn't contain its size"):
        write_image(tmp_path / "a.raw", FRAMES[0])


# Folders


def test_the_good_files_of_a_folder_are_written_and_the_bad_ones_named(model: Model, tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "b").mkdir(parents=True)
    write_image(source / "a.png", scene(0, 40, 36))
    write_image(source / "c.png", scene(1, 40, 36))
    (source / "b" / "bad.png").write_bytes((source / "a.png").read_bytes()[:300])
    (source / "b" / "empty.tif").write_bytes(b"")
    with pytest.raises(RunError, match=r"2 of 4 images were written to .*bad\.png is trunc.*; .*empty\.tif is empty"):
        upscale_files(model, source, target)
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == ["a.png", "c.png"]
    assert np.array_equal(read_image(target / "c.png"), upscaled(model, scene(1, 40, 36)[None])[0])
    (source / "b" / "empty.tif").unlink()
    write_image(source / "b" / "bad.png", scene(2, 40, 36))
    with pytest.raises(InputError, match=r"a\.png \(and 1 others of 3\) exists; give --overwrite"):
        upscale_files(model, source, target)
    upscale_files(model, source, target, overwrite=True)
    assert read_image(target / "b" / "bad.png").shape == (80, 72)


def test_a_folder_is_listed_as_every_other_command_lists_it(model: Model, tmp_path: Path) -> None:
    source = tmp_path / "cam"
    for name in ("a.png", ".thumbnails/a.png", "__MACOSX/a.png"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(source / name, scene(0, 40, 36))
    (source / "._a.png").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X")
    model.save(tmp_path / "model")
    assert run_nas(tmp_path, "upscale", "model", "cam", "out").code == 0
    assert [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")] == [Path("a.png")]


# Names and sizes


def test_a_name_may_be_as_long_as_names_can_be(model: Model, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", scene(0, 40, 36))
    long = tmp_path / ("a" * 251 + ".png")
    upscale_files(model, tmp_path / "in.png", long)
    assert read_image(long).shape == (80, 72)


def test_an_image_too_large_for_its_format_is_one_sentence(tmp_path: Path) -> None:
    wide = np.full((2, 65_501), 90, np.uint8)
    with pytest.raises(InputError, match=r"a\.jpg: \.jpg can't hold 65501 x 2 pixels; use \.tif"):
        write_image(tmp_path / "a.jpg", wide)
    assert not list(tmp_path.iterdir())
    write_image(tmp_path / "a.tif", wide)
    assert np.array_equal(read_image(tmp_path / "a.tif"), wide)


def test_other_readers_read_what_is_written(model: Model, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", FRAMES[0])
    upscale_files(model, tmp_path / "in.png", tmp_path / "out.tif")
    expected = to_pixels(fused(model.network)(to_tensor(FRAMES[0])), np.uint16)
    assert np.array_equal(cv2.imread(str(tmp_path / "out.tif"), cv2.IMREAD_UNCHANGED), expected)
    with Image.open(tmp_path / "out.tif") as image:
        assert np.array_equal(np.asarray(image), expected)
