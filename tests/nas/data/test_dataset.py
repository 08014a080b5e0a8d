import os
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nas.data.dataset import open_dataset, open_images
from nas.data.degradation import low_resolution
from nas.data.image_set import ImageSet
from nas.data.images import Pixels, read_image, read_luma, to_pixels, write_image
from nas.data.opening import Denoiser
from nas.data.synthetic import scene
from nas.errors import InputError, RunError


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _first(folder: Path) -> Path:
    return sorted(folder.glob("*.png"))[0]


def test_a_folder_becomes_training_and_validation_sets(tiny_data: Path, cache: Path) -> None:
    data = open_dataset(tiny_data, scale=2, cache=cache)
    assert (data.name, data.scale, data.degradation, data.synthetic) == ("tiny", 2, "bicubic", False)
    assert data.train.names == tuple(sorted(file.name for file in (tiny_data / "train").iterdir()))
    assert len(data.validation) == 2
    assert data.validation.sizes == ((80, 96), (80, 96))


def test_pairs_hold_the_files_pixels_and_the_rounded_degradation(tiny_data: Path, cache: Path) -> None:
    images = open_dataset(tiny_data, scale=3, cache=cache).train
    for index, name in enumerate(images.names):
        pair, pixels = images.pair(index), read_image(tiny_data / "train" / name)
        assert (pair.name, pair.levels.limit) == (name, 255)
        assert np.array_equal(to_pixels(pair.hr, np.uint8), pixels[:78, :96])
        assert np.array_equal(to_pixels(pair.lr, np.uint8), low_resolution(pixels, 3, "bicubic"))


@pytest.mark.parametrize("crop", [1, 24, 31, 64, 80, 500])
def test_crops_are_central_and_aligned(tiny_data: Path, cache: Path, crop: int) -> None:
    images = open_dataset(tiny_data, scale=2, cache=cache).validation
    whole, cropped = images.pair(0), images.pair(0, crop)
    height, width = (min(side, max(crop // 2, 1)) for side in (40, 48))
    top, left = (40 - height) // 2, (48 - width) // 2
    assert cropped.lr.equal(whole.lr[..., top : top + height, left : left + width])
    assert cropped.hr.equal(whole.hr[..., 2 * top : 2 * (top + height), 2 * left : 2 * (left + width)])


def test_no_folder_means_synthetic_scenes(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.data.synthetic_folder.TRAINING_SCENES", 3)
    monkeypatch.setattr("nas.data.synthetic_folder.VALIDATION_SCENES", 1)
    data = open_dataset(None, scale=2, cache=cache)
    assert (data.name, data.synthetic, len(data.train), len(data.validation)) == ("synthetic", True, 3, 1)
    assert open_dataset(None, scale=2, cache=cache).fingerprint == data.fingerprint


def test_decoding_happens_once_and_again_after_a_change(tiny_data: Path, cache: Path) -> None:
    before = open_dataset(tiny_data, scale=2, cache=cache)
    stamp = before.train.hr.file.stat().st_mtime_ns
    assert open_dataset(tiny_data, scale=2, cache=cache).train.hr.file.stat().st_mtime_ns == stamp
    write_image(_first(tiny_data / "train"), scene(1, 80, 96))
    after = open_dataset(tiny_data, scale=2, cache=cache)
    assert np.array_equal(to_pixels(after.train.pair(0).hr, np.uint8), scene(1, 80, 96))
    assert after.fingerprint != before.fingerprint
    assert not before.train.hr.file.exists()


def test_the_fingerprint_is_of_the_content_alone(tiny_data: Path, tmp_path: Path) -> None:
    original = open_dataset(tiny_data, scale=2, cache=tmp_path / "one")
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny_data, moved)
    for file in moved.rglob("*.png"):
        os.utime(file, (1, 1))
    copy = open_dataset(moved, scale=3, cache=tmp_path / "two")
    alone = open_images(moved / "val", scale=2, cache=tmp_path / "two")
    assert copy.fingerprint == original.fingerprint
    assert alone.fingerprint == original.validation.fingerprint
    _first(moved / "val").rename(moved / "val" / "renamed.png")
    assert open_dataset(moved, scale=2, cache=tmp_path / "two").fingerprint != original.fingerprint


def test_sixteen_bit_images_keep_their_values_beside_eight_bit_ones(tmp_path: Path, cache: Path) -> None:
    shallow, deep = scene(0, 64, 64), scene(1, 64, 64).astype(np.uint16) * 257 + 1
    for name, pixels in {"a.png": shallow, "b.tif": deep, "c.bmp": shallow}.items():
        write_image(tmp_path / name, pixels)
    images = open_images(tmp_path, scale=2, cache=cache)
    assert [images.levels(index).limit for index in range(3)] == [255, 65535, 255]
    assert images.hr.dtype == images.lr.dtype == "uint16"
    for index, (hr, lr) in enumerate((p, low_resolution(p, 2, "bicubic")) for p in (shallow, deep, shallow)):
        pair = images.pair(index)
        assert np.array_equal(pair.levels.integers(pair.hr)[0, 0].numpy(), hr)
        assert np.array_equal(pair.levels.integers(pair.lr)[0, 0].numpy(), lr)


def _paired(folder: Path) -> Path:
    for part in ("HR", "LR_real/X2"):
        (folder / part).mkdir(parents=True)
    for index in range(3):
        write_image(folder / "HR" / f"{index}.png", scene(index, 65, 64))
        write_image(folder / "LR_real" / "X2" / f"{index}x2.png", scene(index + 9, 32, 32))
    return folder


def test_given_lr_images_are_used_and_are_part_of_the_fingerprint(tmp_path: Path, cache: Path) -> None:
    folder = _paired(tmp_path / "pairs")
    images = open_images(folder, scale=2, cache=cache, degradation="real")
    assert images.lr_is_given
    assert np.array_equal(to_pixels(images.pair(2).lr, np.uint8), scene(11, 32, 32))
    write_image(folder / "LR_real" / "X2" / "2x2.png", scene(5, 32, 32))
    assert open_images(folder, scale=2, cache=cache, degradation="real").fingerprint != images.fingerprint
    with pytest.raises(InputError, match="There is no degradation named 'real'"):
        open_images(folder, scale=3, cache=cache, degradation="real")


def test_coloured_images_may_be_opened_as_the_y_of_the_literature(tmp_path: Path, cache: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    for folder, pixels in (("HR", colour), ("LR_bicubic/X2", colour[::2, ::2])):
        (tmp_path / "set" / folder).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "set" / folder / "a.png"), pixels)
    gray = open_images(tmp_path / "set", scale=2, cache=cache)
    luma = open_images(tmp_path / "set", scale=2, cache=cache, channel="y")
    assert (gray.channel, luma.channel) == ("gray", "y")
    assert gray.fingerprint != luma.fingerprint
    pair = luma.pair(0)
    assert np.array_equal(to_pixels(pair.hr, np.uint8), read_luma(tmp_path / "set" / "HR" / "a.png"))
    assert np.array_equal(to_pixels(pair.lr, np.uint8), read_luma(tmp_path / "set" / "LR_bicubic" / "X2" / "a.png"))
    assert gray.hr.file.exists()  # either is kept
    with pytest.raises(InputError, match="no channel named 'Y'; did you mean 'y'"):
        open_images(tmp_path / "set", scale=2, cache=cache, channel="Y")


def test_at_scale_one_the_images_become_noisy_and_keep_their_size(tiny_data: Path, cache: Path) -> None:
    data = open_dataset(tiny_data, scale=1, cache=cache, degradation="noise", min_lr_side=80)
    for index, name in enumerate(data.train.names):
        pair, pixels = data.train.pair(index, crop=64), read_image(tiny_data / "train" / name)
        assert np.array_equal(to_pixels(pair.hr, np.uint8), pixels[8:72, 16:80])
        assert np.array_equal(to_pixels(pair.lr, np.uint8), low_resolution(pixels, 1, "noise")[8:72, 16:80])
    assert data.fingerprint == open_dataset(tiny_data, scale=2, cache=cache).fingerprint


def test_at_scale_one_something_must_change(tiny_data: Path, tmp_path: Path, cache: Path) -> None:
    with pytest.raises(InputError, match=r"At scale 1 the degradation 'bicubic' changes nothing.*'noise'"):
        open_dataset(tiny_data, scale=1, cache=cache)
    for part in ("HR", "LR_bicubic/X1"):  # given ones may be whatever they are
        (tmp_path / "pairs" / part).mkdir(parents=True)
        write_image(tmp_path / "pairs" / part / "a.png", scene(len(part), 32, 32))
    pair = open_images(tmp_path / "pairs", scale=1, cache=cache).pair(0)
    assert not pair.lr.equal(pair.hr)


class Halving:
    """Halves the values, and counts the images."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, pixels: Pixels) -> Pixels:
        self.count += 1
        return pixels // 2


def test_lr_images_pass_the_denoiser_once(tiny_data: Path, cache: Path) -> None:
    plain, halving = open_dataset(tiny_data, scale=2, cache=cache, degradation="noise"), Halving()
    for _ in range(2):
        data = open_dataset(tiny_data, scale=2, cache=cache, degradation="noise", denoiser=Denoiser("half", halving))
    assert halving.count == 6
    for before, after in ((plain.train, data.train), (plain.validation, data.validation)):
        for index in range(len(before)):
            assert np.array_equal(after.lr.pixels(index), before.lr.pixels(index) // 2)
            assert np.array_equal(after.hr.pixels(index), before.hr.pixels(index))
    assert (plain.train.denoiser, data.train.denoiser, data.validation.denoiser) == (None, "half", "half")
    assert data.fingerprint == plain.fingerprint


def test_each_denoiser_has_its_own_images(tiny_data: Path, cache: Path) -> None:
    folder = tiny_data / "val"
    images = [
        open_images(folder, scale=2, cache=cache, denoiser=denoiser)
        for denoiser in (None, Denoiser("half", lambda lr: lr // 2), Denoiser("none", lambda lr: lr * 0))
    ]
    bright = [int(one.lr.pixels(0).max()) for one in images]
    assert bright == [bright[0], bright[0] // 2, 0]


def test_given_lr_images_are_denoised_too(tmp_path: Path, cache: Path) -> None:
    folder, denoiser = _paired(tmp_path / "pairs"), Denoiser("half", lambda lr: lr // 2)
    images = open_images(folder, scale=2, cache=cache, degradation="real", denoiser=denoiser)
    assert np.array_equal(images.lr.pixels(2), scene(11, 32, 32) // 2)


def test_pairs_that_do_not_fit_are_refused_or_left_out(tmp_path: Path, cache: Path) -> None:
    folder = _paired(tmp_path / "pairs")
    write_image(folder / "LR_real" / "X2" / "1x2.png", scene(1, 32, 33))
    with pytest.raises(InputError, match=r"1x2\.png is an LR image of 33 x 32 pixels, but its HR image needs 32 x 32"):
        open_images(folder, scale=2, cache=cache, degradation="real")
    (folder / "HR" / "0.png").unlink()
    with pytest.raises(InputError, match=r"0x2\.png is an LR image without its HR image"):
        open_images(folder, scale=2, cache=cache, degradation="real")
    with pytest.warns(UserWarning, match="left out 2 of the all set"):
        images = open_images(folder, scale=2, cache=cache, degradation="real", skip_bad=True)
    assert images.names == ("2.png",)
    assert np.array_equal(to_pixels(images.pair(0).lr, np.uint8), scene(11, 32, 32))


def test_a_bad_file_is_named_or_left_out_with_one_warning(tiny_data: Path, cache: Path) -> None:
    bad = _first(tiny_data / "train")
    _truncate(bad)
    with pytest.raises(InputError, match=rf"{bad.name} is truncated"):
        open_dataset(tiny_data, scale=2, cache=cache)
    with pytest.warns(UserWarning, match=rf"left out 1 of the train set \({bad.name} is truncated") as caught:
        data = open_dataset(tiny_data, scale=2, cache=cache, skip_bad=True)
    assert len(caught) == 1
    assert len(data.train) == 3
    with pytest.raises(InputError, match=rf"{bad.name} is truncated"):
        open_dataset(tiny_data, scale=2, cache=cache)


def test_a_dangling_link_is_named(tiny_data: Path, cache: Path) -> None:
    (tiny_data / "train" / "lost.png").symlink_to(tiny_data / "gone.png")
    with pytest.raises(InputError, match=r"lost\.png can't be read"):
        open_dataset(tiny_data, scale=2, cache=cache)


def test_a_set_without_any_usable_image_is_refused(tiny_data: Path, cache: Path) -> None:
    for file in (tiny_data / "val").iterdir():
        _truncate(file)
    with pytest.raises(InputError, match="no usable image for the validation set"):
        open_dataset(tiny_data, scale=2, cache=cache, skip_bad=True)


def test_images_smaller_than_the_patch_are_refused_or_left_out(tiny_data: Path, cache: Path) -> None:
    write_image(tiny_data / "train" / "small.png", scene(0, 60, 70))
    with pytest.raises(InputError, match=r"small\.png is 70 x 60 pixels, but at least 64 x 64 are needed"):
        open_dataset(tiny_data, scale=2, cache=cache, min_lr_side=32)
    assert len(open_dataset(tiny_data, scale=2, cache=cache, min_lr_side=30).train) == 5
    with pytest.warns(UserWarning, match=r"small\.png"):
        data = open_dataset(tiny_data, scale=2, cache=cache, min_lr_side=32, skip_bad=True)
    assert "small.png" not in data.train.names


def test_missing_and_empty_folders_and_wrong_scales_are_refused(tmp_path: Path, tiny_data: Path, cache: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        open_dataset(tmp_path / "gone", scale=2, cache=cache)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no image"):
        open_images(tmp_path / "empty", scale=2, cache=cache)
    with pytest.raises(InputError, match="scale must be 1 or more, but got 0"):
        open_dataset(tiny_data, scale=0, cache=cache)


def test_the_pixels_of_a_replaced_file_are_read_though_its_size_and_time_are_the_same(
    tmp_path: Path, cache: Path
) -> None:
    file = tmp_path / "set" / "a.bmp"
    file.parent.mkdir()
    for index in range(3):
        write_image(file, scene(index, 32, 32))
        os.utime(file, (1, 1))
        images = open_images(tmp_path / "set", scale=2, cache=cache)
        assert np.array_equal(images.hr.pixels(0), scene(index, 32, 32))


def test_given_lr_images_that_are_replaced_are_read_again(tmp_path: Path, cache: Path) -> None:
    folder = _paired(tmp_path / "pairs")
    for index in (7, 8):
        write_image(folder / "LR_real" / "X2" / "2x2.png", scene(index, 32, 32))
        os.utime(folder / "LR_real" / "X2" / "2x2.png", (1, 1))
        images = open_images(folder, scale=2, cache=cache, degradation="real")
        assert np.array_equal(images.lr.pixels(2), scene(index, 32, 32))


def test_a_stated_scale_that_changes_makes_other_images(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "set").mkdir()
    kelvin = 290 + scene(0, 32, 32).astype(np.float32) / 16
    np.save(tmp_path / "set" / "a.npy", kelvin)
    for scale in (0.01, 0.1):
        (tmp_path / "set" / "images.yaml").write_text(f"counts: {{scale: {scale}}}\n")
        hr = open_images(tmp_path / "set", scale=2, cache=cache).hr.pixels(0)
        assert np.abs(hr * scale - kelvin).max() <= 0.51 * scale


def test_given_lr_images_of_a_folder_that_says_no_more_are_used(tmp_path: Path, cache: Path) -> None:
    folder = _paired(tmp_path / "pairs")
    (folder / "LR_real" / "X2").rename(folder / "LR")
    (folder / "LR_real").rmdir()
    images = open_images(folder, scale=2, cache=cache)
    assert images.lr_is_given and images.degradation == "given LR"
    assert np.array_equal(images.lr.pixels(2), scene(11, 32, 32))


def test_lr_images_for_one_part_alone_are_said(tiny_data: Path, cache: Path) -> None:
    (tiny_data / "train" / "LR").mkdir()
    for file in sorted((tiny_data / "train").glob("*.png")):
        write_image(tiny_data / "train" / "LR" / file.name, read_image(file)[::2, ::2])
    with pytest.warns(UserWarning, match="LR images are given for training only; those of validation are made"):
        data = open_dataset(tiny_data, scale=2, cache=cache)
    assert data.train.lr_is_given and not data.validation.lr_is_given


def test_what_is_left_out_is_named_by_one_warning(tiny_data: Path, cache: Path) -> None:
    (tiny_data / "train" / "a.seq").touch()
    (tiny_data / "more").mkdir()
    write_image(tiny_data / "more" / "b.png", scene(0, 32, 32))
    said = r"not used are 1 file \(train/a.seq\): .seq files are not read; 1 file \(more/b.png\): images beside those"
    with pytest.warns(UserWarning, match=said) as caught:
        open_dataset(tiny_data, scale=2, cache=cache)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=r"not used are 1 file \(train/a.seq\)"):
        open_images(tiny_data, scale=2, cache=cache)


def test_training_on_images_of_two_bit_depths_is_said(tiny_data: Path, cache: Path) -> None:
    write_image(tiny_data / "train" / "deep.png", scene(0, 80, 96).astype(np.uint16) * 16 + 8000)
    with pytest.warns(UserWarning, match="it has 6 images of 8 bits and 1 image of 16 bits, whose PSNR has"):
        open_dataset(tiny_data, scale=2, cache=cache)


def test_frames_are_images_of_a_set(tmp_path: Path, cache: Path) -> None:
    frames = np.stack([scene(index, 32, 40).astype(np.uint16) * 9 for index in range(3)])
    tifffile.imwrite(tmp_path / "seq.tif", frames, photometric="minisblack")
    images = open_images(tmp_path, scale=2, cache=cache)
    assert images.names == ("seq.tif#1", "seq.tif#2", "seq.tif#3")
    assert all(np.array_equal(images.hr.pixels(index), frames[index]) for index in range(3))


@pytest.mark.parametrize("name", ["d" * 240, "ä" * 120, "x y"])
def test_folders_of_long_names_are_opened(tmp_path: Path, cache: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    write_image(tmp_path / "a.png", scene(0, 32, 32))
    (tmp_path / "a.png").rename(tmp_path / name / f"{'n' * 240}.png")
    assert len(open_images(tmp_path / name, scale=2, cache=cache)) == 1


def test_names_that_are_no_utf8_are_opened(tiny_data: Path, cache: Path) -> None:
    folder = tiny_data.rename(tiny_data.with_name(os.fsdecode(b"K\xe4lte")))
    name = os.fsdecode(b"\xff.png")
    _first(folder / "train").rename(folder / "train" / name)
    data = open_dataset(folder, scale=2, cache=cache)
    assert name in data.train.names
    assert data.fingerprint == open_dataset(folder, scale=2, cache=cache).fingerprint


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, cache: Path) -> None:
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, scene(0, 32, 32))

    def change(done: int, total: int) -> None:
        write_image(tmp_path / "a.png", scene(1, 32, 32))

    with pytest.raises(InputError, match=r"a.png changed while it was read; start again"):
        open_images(tmp_path, scale=2, cache=cache, progress=change)
    assert np.array_equal(open_images(tmp_path, scale=2, cache=cache).hr.pixels(0), scene(1, 32, 32))


def test_a_damaged_cache_is_made_again_with_the_same_images(tiny_data: Path, cache: Path) -> None:
    before = open_dataset(tiny_data, scale=2, cache=cache)
    for file in cache.rglob("pixels.bin"):
        file.unlink()
    with pytest.warns(UserWarning, match="made again"):
        after = open_dataset(tiny_data, scale=2, cache=cache)
    assert after.fingerprint == before.fingerprint
    assert after.train.pair(0).lr.equal(before.train.pair(0).lr)


def test_a_cache_that_cannot_be_written_is_one_sentence(tiny_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="can't be kept in"):
        open_dataset(tiny_data, scale=2, cache=tmp_path / "file")


def test_progress_counts_to_the_end_whether_decoding_or_not(tiny_data: Path, cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    for _ in range(2):
        seen.clear()
        open_dataset(tiny_data, scale=2, cache=cache, progress=lambda done, total: seen.append((done, total)))
        assert seen == sorted(seen)
        assert seen[-1] == (12, 12)


def _open_elsewhere(folder: Path, cache: Path) -> tuple[ImageSet, float]:
    images = open_dataset(folder, scale=2, cache=cache).train
    return images, float(images.pair(0).hr.sum())


def test_processes_may_build_at_once_and_sets_travel_between_them(tiny_data: Path, cache: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        jobs = [pool.submit(_open_elsewhere, tiny_data, cache) for _ in range(4)]
        results = [job.result() for job in jobs]
    here = open_dataset(tiny_data, scale=2, cache=cache).train
    assert {images.fingerprint for images, _ in results} == {here.fingerprint}
    assert {total for _, total in results} == {float(results[0][0].pair(0).hr.sum())}
    assert not list(cache.rglob(".*"))


def test_opening_a_clean_folder_warns_of_nothing(tiny_data: Path, cache: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_dataset(tiny_data, scale=2, cache=cache).train.pair(0).levels.limit == 255
