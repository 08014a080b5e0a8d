import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from radiometric_files import dji_jpeg

from nas.check.checking import check_folder
from nas.data.dataset import open_dataset
from nas.data.folder import LeftOut
from nas.data.images import read_image, write_image
from nas.data.normalisation import TYPE
from nas.data.synthetic import scene
from nas.errors import InputError
from nas.metrics import bicubic_baseline


def test_a_good_folder_is_clean_and_measured(tiny_data: Path, tmp_path: Path) -> None:
    report = check_folder(tiny_data, scale=2, patch=32)
    validation = report.parts["validation"]
    assert report.is_clean
    assert (report.parts["train"].count, validation.count, validation.measured) == (4, 2, 2)
    assert dict(validation.sizes) == {(80, 96): 2}
    assert dict(validation.bit_depths) == {8: 2}
    baseline = bicubic_baseline(open_dataset(tiny_data, scale=2, cache=tmp_path / "cache").validation)
    assert (validation.psnr, validation.ssim) == pytest.approx((baseline.psnr, baseline.ssim))


def test_at_scale_one_bicubic_interpolation_is_not_measured(tiny_data: Path) -> None:
    report = check_folder(tiny_data, scale=1)
    assert report.is_clean
    assert report.parts["validation"].psnr is None


def test_everything_wrong_is_listed_and_nothing_raised(tiny_data: Path) -> None:
    train, val = tiny_data / "train", tiny_data / "val"
    first = sorted(train.iterdir())[0]
    shutil.copy(first, val / "again.png")
    cut = sorted(val.glob("*.png"))[1]
    cut.write_bytes(cut.read_bytes()[:200])
    (train / "note.png").write_text("not an image")
    write_image(train / "small.png", scene(0, 40, 70))
    write_image(train / "speck.png", np.zeros((1, 1), np.uint8))
    write_image(train / "deep.tif", scene(0, 96, 96).astype(np.uint16) * 257)
    cv2.imwrite(str(train / "colour.bmp"), np.dstack([scene(0, 96, 96), scene(1, 96, 96), scene(2, 96, 96)]))
    report = check_folder(tiny_data)
    part = report.parts["train"]
    assert not report.is_clean
    assert report.duplicates == ((first.name, "again.png"),)
    assert part.unreadable == (("note.png", "is truncated, damaged or not an image"),)
    assert [name for name, _ in report.parts["validation"].unreadable] == [cut.name]
    assert part.too_small == ("small.png", "speck.png")
    assert part.coloured == ("colour.bmp",)
    assert dict(part.bit_depths) == {8: 7, 16: 1}


def test_pairs_that_do_not_fit_are_listed(tmp_path: Path) -> None:
    for part in ("HR", "LR_bicubic/X2"):
        (tmp_path / part).mkdir(parents=True)
    for name, side in (("a", 40), ("b", 39)):
        write_image(tmp_path / "HR" / f"{name}.png", scene(0, 80, 80))
        write_image(tmp_path / "LR_bicubic" / "X2" / f"{name}.png", scene(0, side, 40))
    write_image(tmp_path / "HR" / "c.png", scene(1, 80, 80))
    report = check_folder(tmp_path)
    reasons = [trouble for part in report.parts.values() for trouble in part.unreadable]
    assert ("b.png", "is an LR image of 40 x 39 pixels, but its HR image needs 40 x 40 at x2") in reasons
    assert ("HR/c.png", "has no LR image in LR_bicubic/X2") in reasons


def test_a_folder_that_cannot_be_divided_is_reported_as_one(tiny_data: Path) -> None:
    shutil.rmtree(tiny_data / "train")
    report = check_folder(tiny_data)
    assert list(report.parts) == ["all"]
    assert report.parts["all"].count == 2


def test_the_report_becomes_json(tiny_data: Path) -> None:
    values = json.loads(json.dumps(check_folder(tiny_data).to_dict()))
    assert values["parts"]["train"]["sizes"] == {"96x80": 4}
    assert values["parts"]["train"]["bit_depths"] == {"8": 4}
    assert values["is_clean"] is True


def test_progress_counts_every_image_that_is_read_or_measured(tiny_data: Path) -> None:
    seen: list[tuple[int, int]] = []
    check_folder(tiny_data, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 12) for done in range(1, 13)]
    seen.clear()
    check_folder(tiny_data, scale=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_sixteen_bit_images_are_measured_as_a_search_would(tiny_data16: Path, tmp_path: Path) -> None:
    report = check_folder(tiny_data16)
    validation = report.parts["validation"]
    data = open_dataset(tiny_data16, scale=2, cache=tmp_path / "cache")
    baseline = bicubic_baseline(data.validation)
    assert report.normalisation == data.normalisation
    assert (validation.psnr, validation.ssim) == pytest.approx((baseline.psnr, baseline.ssim))
    assert json.loads(json.dumps(report.to_dict()))["normalisation"]["kind"] == "percentile"


def test_the_levels_that_are_used_are_told(tmp_path: Path) -> None:
    for index in range(3):
        counts = scene(index, 80, 96).astype(np.uint16) * 16 + np.arange(96, dtype=np.uint16) + 8192
        write_image(tmp_path / f"{index}.png", counts * 4)  # 14 bits at the upper end of 16
    counts = check_folder(tmp_path).parts["train"].counts
    assert counts is not None
    assert counts.bits == 14
    assert 32_768 <= counts.least <= counts.low < counts.high <= counts.most < 65_536
    assert 0 < counts.one_image <= counts.high - counts.low


def test_eight_bit_images_have_no_counts(tiny_data: Path) -> None:
    report = check_folder(tiny_data)
    assert {part.counts for part in report.parts.values()} == {None}
    assert report.normalisation == TYPE


def test_radiometric_files_are_counted(tiny_data16: Path) -> None:
    file = sorted((tiny_data16 / "train").iterdir())[0]
    (tiny_data16 / "train" / "dji.jpg").write_bytes(dji_jpeg(read_image(file) + 1))
    (tiny_data16 / "train" / "broken.jpg").write_bytes(dji_jpeg(read_image(file))[:9000])
    part = check_folder(tiny_data16).parts["train"]
    assert (part.radiometric, part.count, len(part.coloured)) == (1, 5, 0)
    assert [name for name, _ in part.unreadable] == ["broken.jpg"]


def test_given_lr_images_are_measured_and_named(tiny_data: Path) -> None:
    for part in ("train", "val"):
        (tiny_data / part / "LR").mkdir()
        for file in sorted((tiny_data / part).glob("*.png")):
            write_image(tiny_data / part / "LR" / file.name, 255 - read_image(file)[::2, ::2])
    report = check_folder(tiny_data)
    assert {part.given for part in report.parts.values()} == {"train/LR", "val/LR"}
    assert report.parts["validation"].psnr is not None and report.parts["validation"].psnr < 15
    assert report.is_clean and report.left_out == ()
    report = check_folder(tiny_data, scale=3, patch=8)
    assert {entry.reason for entry in report.left_out} == {"LR images for x2 by their size, and this is for bicubic x3"}
    assert len(report.left_out) == 6
    assert report.is_clean  # on purpose


def test_what_is_left_out_is_counted(tiny_data: Path) -> None:
    (tiny_data / "val" / "a.seq").touch()
    (tiny_data / "notes.txt").touch()
    report = check_folder(tiny_data)
    assert report.left_out == (LeftOut("val/a.seq", ".seq files are not read"),)
    assert report.others == 1 and report.is_clean
    assert json.loads(json.dumps(report.to_dict()))["left_out"] == [
        {"name": "val/a.seq", "reason": ".seq files are not read", "count": 1}
    ]


def test_frames_are_counted_beside_their_files(tiny_data: Path) -> None:
    frames = np.stack([scene(index, 80, 96) for index in range(4)])
    tifffile.imwrite(tiny_data / "train" / "seq.tif", frames, photometric="minisblack")
    part = check_folder(tiny_data).parts["train"]
    assert (part.count, part.files) == (8, 5)


def test_two_bit_depths_are_measured_apart_and_are_a_fault(tiny_data: Path) -> None:
    alone = check_folder(tiny_data).parts["train"]
    write_image(tiny_data / "train" / "deep.tif", scene(0, 96, 96).astype(np.uint16) * 100)
    report = check_folder(tiny_data)
    part = report.parts["train"]
    assert (part.psnr, part.ssim, part.measured) == (None, None, 5)
    assert {depth: found.measured for depth, found in part.by_depth.items()} == {8: 4, 16: 1}
    assert part.by_depth[8].psnr == pytest.approx(alone.psnr)
    assert dict(report.bit_depths) == {8: 6, 16: 1} and not report.is_clean
    assert json.loads(json.dumps(report.to_dict()))["parts"]["train"]["by_depth"]["16"]["measured"] == 1


def test_a_folder_without_any_usable_image_is_not_clean(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not an image")
    report = check_folder(tmp_path)
    assert not report.is_clean
    assert report.undivided is not None and "holds one usable image" in report.undivided


@pytest.mark.parametrize(("scale", "patch"), [(0, 32), (-1, 32), (2, 0)])
def test_scales_and_patches_below_one_are_refused(tiny_data: Path, scale: int, patch: int) -> None:
    with pytest.raises(InputError, match=r"must be 1 .*or more, but got"):
        check_folder(tiny_data, scale=scale, patch=patch)


def test_lr_images_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "LR").mkdir()
    write_image(tmp_path / "LR" / "a.png", scene(0, 40, 40))
    with pytest.raises(InputError, match="holds LR images alone"):
        check_folder(tmp_path)


def test_missing_and_empty_folders_and_unknown_degradations_are_refused(tmp_path: Path, tiny_data: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        check_folder(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no image"):
        check_folder(tmp_path / "empty")
    with pytest.raises(InputError, match="no degradation"):
        check_folder(tiny_data, degradation="bicubik")
