import pickle
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_images import to_tensor

from nas.data import images
from nas.data.images import peak_of, read_image, read_luma, resize_bicubic, to_pixels, write_image
from nas.data.synthetic import scene
from nas.errors import InputError, RunError

GRAY = scene(0, 96, 80)
DEEP = GRAY.astype(np.uint16) * 257 + np.arange(80, dtype=np.uint16)
COLOUR = np.dstack([GRAY, GRAY // 2, 255 - GRAY])


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".PNG"])
def test_eight_bit_images_survive_a_round_trip(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", GRAY)
    assert np.array_equal(read_image(tmp_path / f"a{suffix}"), GRAY)
    assert read_image(tmp_path / f"a{suffix}").dtype == np.uint8


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
def test_sixteen_bit_images_survive_a_round_trip(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", DEEP)
    assert np.array_equal(read_image(tmp_path / f"a{suffix}"), DEEP)
    assert read_image(tmp_path / f"a{suffix}").dtype == np.uint16


def test_jpeg_is_read_as_one_channel(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", GRAY)
    assert read_image(tmp_path / "a.jpg").shape == GRAY.shape


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_files_of_other_writers_are_read(tmp_path: Path, compression: str | None, byteorder: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", DEEP, compression=compression, byteorder=byteorder)
    assert np.array_equal(read_image(tmp_path / "a.tif"), DEEP)


def test_colour_files_with_equal_channels_are_gray(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "bgr.bmp"), np.dstack([GRAY] * 3))
    cv2.imwrite(str(tmp_path / "deep.png"), np.dstack([DEEP] * 3))
    Image.fromarray(np.dstack([GRAY, 255 - GRAY]), "LA").save(tmp_path / "alpha.png")
    Image.fromarray(GRAY).convert("P").save(tmp_path / "palette.bmp")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(read_image(tmp_path / "bgr.bmp"), GRAY)
        assert np.array_equal(read_image(tmp_path / "deep.png"), DEEP)
        assert np.array_equal(read_image(tmp_path / "alpha.png"), GRAY)
        assert np.array_equal(read_image(tmp_path / "palette.bmp"), GRAY)


def test_true_colour_becomes_luma_with_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_colour_was_reported", False)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), COLOUR)
    with pytest.warns(UserWarning, match=r"a\.png is a colour image") as caught:
        luma = read_image(tmp_path / "a.png")
        read_image(tmp_path / "b.png")
    assert len(caught) == 1
    blue, green, red = COLOUR.astype(float).transpose(2, 0, 1)
    assert np.abs(luma - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 0.51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_y_of_the_literature_is_in_16_to_235(tmp_path: Path, dtype: type) -> None:
    # White, black, red, green, blue, gray, as MATLAB's rgb2ycbcr has them for uint8.
    colours = np.array([[[255] * 3, [0] * 3, [255, 0, 0], [0, 255, 0], [0, 0, 255], [128] * 3]], np.uint8)
    peak = np.iinfo(dtype).max
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., ::-1].astype(dtype) * (peak // 255))
    luma = read_luma(tmp_path / "a.png")
    assert luma.dtype == dtype
    assert np.round(luma / (peak // 255)).tolist() == [[235, 16, 81, 145, 41, 126]]


def test_files_of_one_channel_are_their_own_y(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", DEEP)
    assert np.array_equal(read_luma(tmp_path / "a.png"), DEEP)


def _encode(kind: str, folder: Path) -> bytes:
    file = folder / f"whole{kind[kind.index('.') :]}"
    if kind.startswith("progressive"):
        Image.fromarray(GRAY).save(file, progressive=True)
    elif kind.startswith("plain"):
        tifffile.imwrite(file, GRAY)
    elif kind.startswith("strips"):
        tifffile.imwrite(file, DEEP, rowsperstrip=8)
    elif kind.startswith("zlib"):
        tifffile.imwrite(file, GRAY, compression="zlib")
    else:
        cv2.imwrite(str(file), DEEP if kind.startswith("deep") else GRAY)
    return file.read_bytes()


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.05])
@pytest.mark.parametrize(
    "kind",
    [
        "8.png",
        "deep.png",
        "8.bmp",
        "8.jpg",
        "progressive.jpg",
        "8.tif",
        "deep.tif",
        "plain.tif",
        "strips.tif",
        "zlib.tif",
    ],
)
def test_a_truncated_file_is_refused_and_named(tmp_path: Path, kind: str, share: float) -> None:
    whole = _encode(kind, tmp_path)
    cut = tmp_path / f"cut{kind[kind.index('.') :]}"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"cut\.\w+ is truncated"):
        read_image(cut)


def test_a_png_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    damaged = bytearray(_encode("8.png", tmp_path))
    damaged[len(damaged) // 2] ^= 0x55
    (tmp_path / "damaged.png").write_bytes(damaged)
    with pytest.raises(InputError, match=r"damaged\.png"):
        read_image(tmp_path / "damaged.png")


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b"hello", "not an image")])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "note.png").write_bytes(content)
    with pytest.raises(InputError, match=rf"note\.png .*{reason}"):
        read_image(tmp_path / "note.png")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png can't be read \(No such file"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint32, np.int32])
def test_other_types_are_refused_without_a_scale(tmp_path: Path, dtype: type) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GRAY.astype(dtype))
    with pytest.raises(InputError, match=f"holds {np.dtype(dtype).name} values"):
        read_image(tmp_path / "a.tif")


def test_the_error_of_a_bad_file_survives_pickling() -> None:
    error = images.UnreadableImageError(Path("a.png"), "is empty")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == "a.png is empty."


@pytest.mark.parametrize("name", ["a.bmp", "a.jpg"])
def test_sixteen_bits_are_not_written_where_they_do_not_fit(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="can't hold 16 bits"):
        write_image(tmp_path / name, DEEP)


def test_unknown_suffixes_and_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'\.gif'"):
        write_image(tmp_path / "a.gif", GRAY)
    with pytest.raises(RunError, match="can't be written"):
        write_image(tmp_path / "missing" / "a.png", GRAY)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", GRAY)

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match="No space left"):
        write_image(tmp_path / "a.png", GRAY // 2)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert np.array_equal(read_image(tmp_path / "a.png"), GRAY)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_value_survives_the_way_through_a_tensor(dtype: type) -> None:
    values = np.arange(peak_of(dtype) + 1, dtype=dtype).reshape(16, -1)
    tensor = to_tensor(values)
    assert tensor.shape == (1, 1, *values.shape)
    assert (tensor.dtype, tensor.min(), tensor.max()) == (torch.float32, 0, 1)
    assert np.array_equal(to_pixels(tensor, dtype), values)


@given(st.floats(-2, 3, width=32))
def test_pixels_are_clipped_and_rounded_never_truncated(value: float) -> None:
    pixel = int(to_pixels(torch.full((1, 1, 1, 1), value), np.uint8)[0, 0])
    assert abs(pixel - min(max(value, 0), 1) * 255) <= 0.5 + 1e-4


def test_halves_are_rounded_up() -> None:
    assert to_pixels(torch.tensor([[0.5 / 255, 1.5 / 255, 2.5 / 255]]), np.uint8).tolist() == [[1, 2, 3]]


def test_peaks_of_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="float32"):
        peak_of(np.float32)


def _imresize_matrix(before: int, after: int) -> np.ndarray:
    """MATLAB's imresize along one axis as a matrix: Keys' kernel (a = -0.5), anti-aliased, mirrored at the borders."""
    scale = after / before
    stretch = min(scale, 1)
    matrix = np.zeros((after, before))
    for row in range(after):
        centre = (row + 0.5) / scale - 0.5
        taps = np.arange(int(np.floor(centre - 2 / stretch)), int(np.ceil(centre + 2 / stretch)) + 1)
        x = np.abs(centre - taps) * stretch
        near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
        weights = np.where(x <= 1, near, np.where(x < 2, far, 0))
        mirrored = np.mod(taps, 2 * before)
        np.add.at(
            matrix[row], np.where(mirrored < before, mirrored, 2 * before - 1 - mirrored), weights / weights.sum()
        )
    return matrix


def _imresize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    return _imresize_matrix(image.shape[0], height) @ image @ _imresize_matrix(image.shape[1], width).T


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reducing_equals_matlab_away_from_the_border(scale: int) -> None:
    hr = GRAY[: 96 // scale * scale, : 80 // scale * scale] / 255
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    ours = resize_bicubic(torch.from_numpy(hr)[None, None], (height, width))[0, 0].numpy()
    difference = np.abs(ours - _imresize(hr, height, width))
    assert difference[2:-2, 2:-2].max() < 1e-6
    assert difference.max() < 0.05


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarging_equals_matlab_away_from_the_border(scale: int) -> None:
    lr = GRAY[:40, :30] / 255
    ours = resize_bicubic(torch.from_numpy(lr)[None, None], (40 * scale, 30 * scale))[0, 0].numpy()
    difference = np.abs(ours - _imresize(lr, 40 * scale, 30 * scale))
    border = 2 * scale - 1
    assert difference[border:-border, border:-border].max() < 1e-6
    assert difference.max() < 0.05


def test_bicubic_by_hand() -> None:
    # A step from 0 to 1 enlarged x2: the kernel is -3, -9, 29, 111 (128ths) at distances 1.75, 1.25, 0.75, 0.25.
    step = torch.tensor([0.0, 0, 0, 0, 1, 1, 1, 1]).repeat(8, 1)[None, None]
    row = resize_bicubic(step, (16, 16))[0, 0, 8, 4:12] * 128
    assert row.tolist() == pytest.approx([0, -3, -9, 29 - 3, 111 - 9, 137, 131, 128], abs=1e-3)


def test_pillow_agrees_up_to_the_border() -> None:
    hr = (GRAY / 255).astype(np.float32)
    pillow = np.asarray(Image.fromarray(hr).resize((40, 48), Image.Resampling.BICUBIC))
    ours = resize_bicubic(torch.from_numpy(hr)[None, None], (48, 40))[0, 0].numpy()
    assert np.abs(ours - pillow).max() < 1e-5
