"""What an image file means: its frames, and their values as a viewer or the camera's software shows them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from nas.data.frames import NO_MEANING, Counts, Frame, Meaning, RawShape, frames_in, meaning_for
from nas.data.images import Pixels, UnreadableImageError, decode_image, read_image
from nas.data.synthetic import scene
from nas.errors import InputError

FRAMES = np.stack([scene(number, 64, 48).astype(np.uint16) * 9 + 14_000 for number in range(12)])
KELVIN = Meaning(Counts(scale=0.01))
# Of such files are the tests: as tifffile writes them by default.
pytestmark = pytest.mark.filterwarnings("ignore:.*are stored as RGB with separate:DeprecationWarning")
RAW = RawShape(width=48, height=64, type="uint16")


def read_all(path: Path, meaning: Meaning = NO_MEANING) -> Pixels:
    return np.stack([read_image(frame, meaning) for frame in frames_in(path, meaning)])


def pages(path: Path, frames: Pixels, **options: object) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bool(options.pop("bigtiff", False))) as file:
        for frame in frames:
            file.write(frame, photometric="minisblack", **options)
    return path


# Frames


def test_a_tiff_of_several_pages_is_all_its_pages(tmp_path: Path) -> None:
    frames = frames_in(pages(tmp_path / "seq.tif", FRAMES))
    assert [frame.label for frame in frames[:2]] == ["seq.tif#1", "seq.tif#2"]
    assert [(frame.index, frame.count) for frame in frames] == [(index, 12) for index in range(12)]
    assert np.array_equal(read_all(tmp_path / "seq.tif"), FRAMES)
    assert np.array_equal(read_image(Frame(tmp_path / "seq.tif", 7, 12)), FRAMES[7])


def test_a_file_of_one_frame_has_its_name_alone(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FRAMES[0])
    (frame,) = frames_in(tmp_path / "a.tif")
    assert (frame.label, frame) == ("a.tif", Frame(tmp_path / "a.tif"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_an_array_as_tifffile_writes_it_is_frames_of_any_number(tmp_path: Path, count: int, dtype: type) -> None:
    stack = (FRAMES[:count] // (64 if dtype == np.uint8 else 1)).astype(dtype)
    tifffile.imwrite(tmp_path / "stack.tif", stack)  # 3 and 4 frames are written as planes of a colour image
    assert np.array_equal(read_all(tmp_path / "stack.tif"), stack)


def test_an_array_of_several_stacks_is_all_their_frames(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "stacks.tif", FRAMES.reshape(3, 4, 64, 48))
    assert np.array_equal(read_all(tmp_path / "stacks.tif"), FRAMES)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_colour_tiff_is_one_image(tmp_path: Path, dtype: type, alpha: bool) -> None:
    colours = (FRAMES[:4].transpose(1, 2, 0) // (64 if dtype == np.uint8 else 1)).astype(dtype)
    tifffile.imwrite(tmp_path / "rgb.tif", colours if alpha else colours[..., :3], photometric="rgb")
    (frame,) = frames_in(tmp_path / "rgb.tif")
    decoded = decode_image(frame)
    assert decoded.is_coloured
    assert np.abs(decoded.pixels - colours[..., :3] @ np.array([0.299, 0.587, 0.114])).max() <= 0.55


def test_a_colour_tiff_in_planes_of_another_writer_is_one_image(tmp_path: Path) -> None:
    planes = FRAMES[:3]
    tifffile.imwrite(tmp_path / "p.tif", planes, photometric="rgb", planarconfig="separate", metadata=None)
    (frame,) = frames_in(tmp_path / "p.tif")
    assert decode_image(frame).is_coloured


def test_bands_without_colour_are_frames(tmp_path: Path) -> None:
    for config in ("separate", "contig"):
        bands = FRAMES[:4] if config == "separate" else FRAMES[:4].transpose(1, 2, 0)
        tifffile.imwrite(tmp_path / f"{config}.tif", bands, photometric="minisblack", planarconfig=config)
        assert np.array_equal(read_all(tmp_path / f"{config}.tif"), FRAMES[:4])


def test_a_volume_is_its_slices(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "v.tif", FRAMES, volumetric=True, tile=(16, 16, 16))
    assert np.array_equal(read_all(tmp_path / "v.tif"), FRAMES)


@pytest.mark.parametrize("axes", ["TYX", "ZYX", "TZYX"])
def test_stacks_of_imagej_are_frames(tmp_path: Path, axes: str) -> None:
    stack = FRAMES.reshape(3, 4, 64, 48) if axes == "TZYX" else FRAMES
    tifffile.imwrite(tmp_path / "ij.tif", stack, imagej=True, metadata={"axes": axes})
    assert np.array_equal(read_all(tmp_path / "ij.tif"), FRAMES)


def test_a_stack_of_imagej_over_four_gigabytes_has_one_page_for_all(tmp_path: Path) -> None:
    path = tmp_path / "large.tif"
    described = f"ImageJ=1.54f\nimages={len(FRAMES)}\nslices={len(FRAMES)}\n"
    tifffile.imwrite(path, FRAMES[0], byteorder=">", description=described, metadata=None, photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[0]
    path.write_bytes(path.read_bytes()[:start] + FRAMES.astype(">u2").tobytes())
    assert np.array_equal(read_all(path), FRAMES)


def test_thumbnails_and_masks_are_no_frames(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(FRAMES[0, ::4, ::4], subfiletype=1, photometric="minisblack")
        file.write(FRAMES[0], photometric="minisblack")
        file.write(FRAMES[0] > 15_000, subfiletype=4, photometric="minisblack")
    assert np.array_equal(read_all(tmp_path / "a.tif"), FRAMES[:1])


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "zstd", None])
@pytest.mark.parametrize("layout", [{}, {"tile": (32, 32)}, {"rowsperstrip": 7}], ids=["strip", "tiles", "strips"])
def test_compressed_and_tiled_files_are_read(tmp_path: Path, compression: str | None, layout: dict[str, int]) -> None:
    pages(tmp_path / "a.tif", FRAMES[:2], compression=compression, **layout)
    assert np.array_equal(read_all(tmp_path / "a.tif"), FRAMES[:2])


def test_a_predictor_is_undone(tmp_path: Path) -> None:
    pages(tmp_path / "a.tif", FRAMES[:2], compression="lzw", predictor=True)
    assert np.array_equal(read_all(tmp_path / "a.tif"), FRAMES[:2])


def test_big_tiffs_and_big_endian_ones_are_read(tmp_path: Path) -> None:
    pages(tmp_path / "big.tif", FRAMES, bigtiff=True)
    tifffile.imwrite(tmp_path / "end.tif", FRAMES, byteorder=">")
    assert np.array_equal(read_all(tmp_path / "big.tif"), FRAMES)
    assert np.array_equal(read_all(tmp_path / "end.tif"), FRAMES)
    assert read_all(tmp_path / "end.tif").dtype.isnative


def test_a_jpeg_inside_a_tiff_is_read(tmp_path: Path) -> None:
    Image.fromarray(scene(0, 64, 48)).save(tmp_path / "a.tif", compression="jpeg", quality=98)
    assert np.abs(read_all(tmp_path / "a.tif")[0].astype(int) - scene(0, 64, 48)).max() <= 8


def test_twelve_packed_bits_are_counts(tmp_path: Path) -> None:
    counts = FRAMES[0] - 14_000
    tifffile.imwrite(tmp_path / "a.tif", counts, bitspersample=12, photometric="minisblack")
    assert np.array_equal(read_all(tmp_path / "a.tif")[0], counts)


def test_white_as_zero_is_turned_round(tmp_path: Path) -> None:
    for image in (scene(0, 64, 48), FRAMES[0]):
        tifffile.imwrite(tmp_path / "a.tif", np.iinfo(image.dtype).max - image, photometric="miniswhite")
        assert np.array_equal(read_all(tmp_path / "a.tif")[0], image)


def test_palettes_and_bilevel_images_are_what_a_viewer_shows(tmp_path: Path) -> None:
    gray = scene(0, 64, 48)
    Image.fromarray(gray).convert("P").save(tmp_path / "p.tif")
    Image.fromarray(gray > 99).save(tmp_path / "b.tif", compression="group4")
    assert np.array_equal(read_all(tmp_path / "p.tif")[0], gray)
    assert np.array_equal(read_all(tmp_path / "b.tif")[0], (gray > 99) * np.uint8(255))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_alike_in_all_formats(tmp_path: Path, orientation: int) -> None:
    image, exif = Image.fromarray(scene(0, 48, 64)), Image.Exif()
    exif[0x112] = orientation
    image.save(tmp_path / "a.tif", tiffinfo={0x112: orientation})
    image.save(tmp_path / "a.png", exif=exif)
    image.save(tmp_path / "a.jpg", exif=exif, quality=100)
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # Pillow's names of the transpositions, by orientation
    seen = np.asarray(image.transpose(Image.Transpose(turns[orientation])) if orientation > 1 else image)
    assert np.array_equal(read_all(tmp_path / "a.tif")[0], seen)
    assert np.array_equal(read_all(tmp_path / "a.png")[0], seen)
    assert np.abs(read_all(tmp_path / "a.jpg")[0].astype(int) - seen).max() <= 3


def test_an_animation_is_refused_since_its_frames_would_be_lost(tmp_path: Path) -> None:
    frames = [Image.fromarray(scene(number, 40, 36)) for number in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(UnreadableImageError, match=r"a\.png is an animation of 3 frames"):
        read_all(tmp_path / "a.png")


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.05])
def test_a_tiff_cut_between_its_pages_is_refused_whole(tmp_path: Path, share: float) -> None:
    data = pages(tmp_path / "seq.tif", FRAMES).read_bytes()
    (tmp_path / "cut.tif").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableImageError, match="truncated"):
        read_all(tmp_path / "cut.tif")


def test_pages_that_run_in_a_circle_are_refused(tmp_path: Path) -> None:
    data = bytearray(pages(tmp_path / "seq.tif", FRAMES).read_bytes())
    with tifffile.TiffFile(tmp_path / "seq.tif") as file:
        last, first = file.pages.next_page_offset, file.pages[5].offset
    data[last : last + 4] = first.to_bytes(4, "little")
    (tmp_path / "circle.tif").write_bytes(data)
    with pytest.raises(UnreadableImageError, match="damaged"):
        frames_in(tmp_path / "circle.tif")


# Arrays


def test_npy_files_are_an_image_or_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", FRAMES[0])
    np.save(tmp_path / "all.npy", FRAMES)
    np.save(tmp_path / "columns.npy", np.asfortranarray(FRAMES.astype(">u2")))
    assert np.array_equal(read_all(tmp_path / "one.npy"), FRAMES[:1])
    assert np.array_equal(read_all(tmp_path / "all.npy"), FRAMES)
    assert np.array_equal(read_all(tmp_path / "columns.npy"), FRAMES)


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("header", [0, 17])
def test_headerless_files_are_read_with_a_stated_shape(tmp_path: Path, byte_order: str, header: int) -> None:
    stored = FRAMES.astype("<u2" if byte_order == "little" else ">u2")
    (tmp_path / "a.raw").write_bytes(bytes(header) + stored.tobytes())
    shape = RAW.model_copy(update={"byte_order": byte_order, "header": header})
    assert np.array_equal(read_all(tmp_path / "a.raw", Meaning(raw=shape)), FRAMES)


# Scales


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("name", ["k.tif", "k.npy"])
def test_kelvin_become_counts_by_the_scale_given(tmp_path: Path, name: str, dtype: type) -> None:
    celsius, fine = np.rint((FRAMES[:2] - 14_000.0) / 8) / 4, Meaning(Counts(scale=0.25, offset=-20))
    save = np.save if name.endswith(".npy") else tifffile.imwrite
    save(tmp_path / name, celsius.astype(dtype))
    assert np.array_equal(read_all(tmp_path / name, fine), ((celsius + 20) * 4).astype(np.uint16))
    assert read_all(tmp_path / name, fine).dtype == np.uint16


def test_signed_integers_without_a_negative_value_are_counts(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FRAMES[0].astype(np.int16))
    assert np.array_equal(read_all(tmp_path / "a.tif")[0], FRAMES[0])


def test_signed_integers_with_negative_values_need_a_scale(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", FRAMES[0].astype(np.int16) - 16_000)
    with pytest.raises(UnreadableImageError, match=r"int16 values from -\d+ to \d+, which .* -32768"):
        read_all(tmp_path / "a.tif")
    shifted = read_all(tmp_path / "a.tif", Meaning(Counts(scale=1, offset=-32768)))[0]
    assert np.array_equal(shifted, FRAMES[0] + (32768 - 16_000))


def test_eight_and_sixteen_bits_are_counts_whatever_scale_is_given(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", FRAMES)
    np.save(tmp_path / "b.npy", scene(0, 64, 48))
    assert np.array_equal(read_all(tmp_path / "a.npy", KELVIN), FRAMES)
    assert np.array_equal(read_all(tmp_path / "b.npy", KELVIN)[0], scene(0, 64, 48))


def test_the_scale_that_a_refusal_names_does(tmp_path: Path) -> None:
    np.save(tmp_path / "hot.npy", np.linspace(-30, 1200, 5000).reshape(100, 50))
    with pytest.raises(UnreadableImageError, match=r"reach from 0 to 655\.35; scale 0\.019 and offset -30 would do"):
        read_all(tmp_path / "hot.npy", KELVIN)
    read_all(tmp_path / "hot.npy", Meaning(Counts(scale=0.019, offset=-30)))


@pytest.mark.parametrize(
    ("name", "array", "meaning", "reason"),
    [
        ("a.npy", np.zeros((64, 48), np.float32), NO_MEANING, r"'counts: \{scale: 0.01, offset: 0\}'.*images\.yaml"),
        ("a.tif", np.zeros((64, 48), np.uint32), NO_MEANING, "holds uint32 values, which need a scale"),
        ("a.npy", np.full((64, 48), np.nan), KELVIN, "holds 3072 values that are no finite numbers"),
        ("a.npy", np.zeros((64, 48), complex), KELVIN, "holds complex128 values, but"),
        ("a.npy", np.zeros(64, np.uint16), NO_MEANING, r"\[64\], but \[height, width\] or \[N, height, width\]"),
        ("a.npy", np.zeros((64, 48, 3), np.uint8), NO_MEANING, "frames of 3 columns"),
        ("a.npy", np.zeros((0, 48), np.uint8), NO_MEANING, r"\[0, 48\], but"),
        ("a.npy", np.array([[{}]]), NO_MEANING, "no .npy file of numbers"),
        ("a.raw", FRAMES, NO_MEANING, r"has no header: write 'raw: \{width: 640"),
        ("a.raw", FRAMES[0, :-1], Meaning(raw=RAW), "has 6048 bytes, but whole frames of 48 x 64 uint16 have 6144"),
    ],
)
def test_what_can_not_be_read_is_told_in_one_sentence(
    tmp_path: Path, name: str, array: Pixels, meaning: Meaning, reason: str
) -> None:
    path = tmp_path / name
    if name.endswith(".raw"):
        array.tofile(path)
    elif name.endswith(".npy"):
        np.save(path, array, allow_pickle=True)
    else:
        tifffile.imwrite(path, array)
    with pytest.raises(UnreadableImageError, match=reason):
        read_all(path, meaning)


def test_a_truncated_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", FRAMES)
    data = (tmp_path / "a.npy").read_bytes()
    for length in (0, 5, 60, 130, len(data) - 1):
        (tmp_path / "a.npy").write_bytes(data[:length])
        with pytest.raises(UnreadableImageError, match="truncated"):
            frames_in(tmp_path / "a.npy")


# What is said beside the images


def test_a_scale_is_taken_from_the_nearest_file_below_the_folder_named(tmp_path: Path) -> None:
    inner = tmp_path / "set" / "train"
    inner.mkdir(parents=True)
    (tmp_path / "images.yaml").write_text("counts: {scale: 5}")
    assert meaning_for(inner / "a.tif", tmp_path / "set") == NO_MEANING
    (tmp_path / "set" / "images.yaml").write_text("counts: {scale: 0.01, offset: -20}\n")
    assert meaning_for(inner / "a.tif", tmp_path / "set").counts == Counts(scale=0.01, offset=-20)
    (inner / "images.yaml").write_text("raw: {width: 48, height: 64, type: uint16}\n")
    assert meaning_for(inner / "a.raw", tmp_path / "set") == Meaning(Counts(scale=0.01, offset=-20), RAW)
    assert meaning_for(inner / "a.raw", tmp_path / "set", Counts(scale=2)) == Meaning(Counts(scale=2), RAW)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("counts: {scale: 0}", r"images\.yaml: 'counts\.scale': Input should be greater than 0"),
        ("counts: {scale: yes}", r"images\.yaml: 'counts\.scale'"),
        ("counts: {scale: .inf}", r"images\.yaml: 'counts\.scale'"),
        ("raw: {width: 640, height: 512}", r"'raw\.type': Field required"),
        ("raw: {width: 640, height: 512, type: uint12}", r"images\.yaml: 'raw\.type'"),
        ("scale: 3", r"images\.yaml: 'scale'"),
        ("[1, 2]", r"images\.yaml: Input should be a valid dictionary"),
        ("counts: [", "is not a YAML document"),
        ("counts: !!timestamp x", r"images\.yaml"),
        ("\udce4", r"images\.yaml"),
    ],
)
def test_a_wrong_file_beside_the_images_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "images.yaml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=reason) as caught:
        meaning_for(tmp_path / "a.tif", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_scale_is_read_from_the_command_line() -> None:
    assert Counts.parse("0.01,-20") == Counts(scale=0.01, offset=-20)
    assert Counts.parse("0.01") == Counts(scale=0.01)
    for text in ("", "x", "1,2,3", "0", "-1,0", "nan", "1,inf"):
        with pytest.raises(InputError, match=r"write --counts 0\.01,0"):
            Counts.parse(text)
