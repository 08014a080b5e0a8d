"""LR images are used, left out with the reason, or refused; never silently not used, and never taken for HR."""

from pathlib import Path

import numpy as np
import pytest

from nas.data.images import Pixels, write_image
from nas.data.layout import list_images, list_parts
from nas.data.listing import Listing
from nas.errors import InputError

STEMS = ("0001", "0002", "0003")


def _image(stem: str, side: int = 24) -> Pixels:
    return np.random.default_rng(int(stem)).integers(0, 256, (side, side), np.uint8)


def _make(folder: Path, name: str, scale: int = 1, *, stems: tuple[str, ...] = STEMS, suffix: str = "") -> None:
    """Write images into `folder`/`name`, each reduced by `scale`."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    for stem in stems:
        write_image(folder / name / f"{stem}{suffix}.png", _image(stem)[::scale, ::scale])


def _given(listing: Listing) -> list[str]:
    """The folders and names of the LR images, of sources in the order of their names."""
    assert [source.name for source in listing.sources] == [f"{stem}.png" for stem in STEMS]
    return [f"{s.lr.path.parent.name}/{s.lr.path.name}" if s.lr else "" for s in listing.sources]


@pytest.mark.parametrize(
    ("hr", "lr", "suffix"),
    [
        ("HR", "LR", ""),
        ("HR", "LR_bicubic/X2", "x2"),
        ("HR", "LR/bicubic/x2", ""),
        ("HR", "LRx2", ""),
        ("HR", "X2", ""),
        ("HR", "LRbicx2", ""),
        ("hr", "lr_x2", ""),
        ("HR", "2x_LR", ""),
        ("HR", "LR", "x2"),
        ("HR", "LR", "_LR"),
        ("HR_sub", "LR_sub", ""),
        ("HR_night", "LR_night", ""),
        ("GTmod12", "LRbicx2", ""),
        ("gt", "lq", ""),
        ("trainH", "trainL", ""),
        ("trainHR", "trainLR", ""),
        ("HRtrain", "LRtrain", ""),
        ("high", "low", ""),
        ("target", "input", ""),
        ("DIV2K_train_HR", "DIV2K_train_LR_bicubic/X2", "x2"),
        ("DIV2K_train_HR_sub", "DIV2K_train_LR_bicubic/X2_sub", ""),
        ("X2/HR", "X2/LR", ""),
        ("train/HR", "train/X2", ""),
        ("frames", "frames/X2", ""),
    ],
)
def test_given_lr_images_are_found_by_the_names_that_people_use(tmp_path: Path, hr: str, lr: str, suffix: str) -> None:
    _make(tmp_path, hr)
    _make(tmp_path, lr, 2, suffix=suffix)
    listing = list_images(tmp_path, 2, "bicubic")
    assert _given(listing) == [f"{Path(lr).name}/{stem}{suffix}.png" for stem in STEMS]
    assert all(source.hr.path.parent == tmp_path / hr for source in listing.sources)
    assert (listing.unpaired, listing.left_out) == ((), ())
    assert listing.given is not None and lr.startswith(listing.given.folder)


@pytest.mark.parametrize(
    ("lr", "ratio", "scale", "degradation", "why"),
    [
        ("LR_bicubic/X4", 4, 2, "bicubic", "LR images for x4, and this is for bicubic x2"),
        ("LR_bd/X2", 2, 2, "bicubic", "LR images made by 'bd', and this is for bicubic x2"),
        ("LR", 4, 2, "bicubic", "LR images for x4 by their size, and this is for bicubic x2"),
        ("LR", 1, 2, "bicubic", "LR images for x1 by their size, and this is for bicubic x2"),
        ("LRx3", 3, 2, "bicubic", "LR images for x3, and this is for bicubic x2"),
        ("X4", 4, 2, "bicubic", "LR images for x4, and this is for bicubic x2"),
        ("LR", 2, 2, "blur", "LR images whose names don't say that they are made by 'blur'"),
    ],
)
def test_lr_images_of_another_kind_are_left_out_with_the_reason(
    tmp_path: Path, lr: str, ratio: int, scale: int, degradation: str, why: str
) -> None:
    _make(tmp_path, "HR")
    _make(tmp_path, lr, ratio)
    listing = list_images(tmp_path, scale, degradation)
    assert _given(listing) == ["", "", ""]
    assert {(entry.name, entry.reason) for entry in listing.left_out} == {(f"{lr}/{stem}.png", why) for stem in STEMS}


def test_noisy_and_clean_images_of_one_size_are_pairs_of_a_denoiser(tmp_path: Path) -> None:
    _make(tmp_path, "clean")
    _make(tmp_path, "noisy")
    assert _given(list_images(tmp_path, 1, "noise")) == [f"noisy/{stem}.png" for stem in STEMS]


def test_folders_of_one_size_called_low_and_high_are_two_folders_of_images(tmp_path: Path) -> None:
    _make(tmp_path, "low")  # as the two gains of a camera
    _make(tmp_path, "high")
    listing = list_images(tmp_path, 2, "bicubic")
    assert [s.name for s in listing.sources] == [f"{gain}/{stem}.png" for gain in ("high", "low") for stem in STEMS]
    assert {source.lr for source in listing.sources} == {None}


def test_the_folder_that_says_more_is_used_and_the_other_is_left_out(tmp_path: Path) -> None:
    _make(tmp_path, "HR")
    _make(tmp_path, "LR", 2)
    _make(tmp_path, "LR_bicubic/X2", 2)
    listing = list_images(tmp_path, 2, "bicubic")
    assert _given(listing) == [f"X2/{stem}.png" for stem in STEMS]
    assert {entry.reason for entry in listing.left_out} == {"LR images in LR_bicubic are used instead"}


def test_one_folder_may_hold_lr_images_of_several_scales(tmp_path: Path) -> None:
    _make(tmp_path, "HR")
    _make(tmp_path, "LR", 2, suffix="x2")
    _make(tmp_path, "LR", 3, suffix="x3")
    listing = list_images(tmp_path, 3, "bicubic")
    assert _given(listing) == [f"LR/{stem}x3.png" for stem in STEMS]
    assert len(listing.left_out) == 3


def test_two_data_sets_of_the_same_stems_keep_their_own_pairs(tmp_path: Path) -> None:
    for name, stems in (("day", STEMS), ("night", STEMS[::-1])):
        for stem, source in zip(STEMS, stems, strict=True):
            for side, step in (("HR", 1), ("LR", 2)):
                (tmp_path / f"{name}_{side}").mkdir(exist_ok=True)
                write_image(tmp_path / f"{name}_{side}" / f"{stem}.png", _image(source)[::step, ::step])
    for source in list_images(tmp_path, 2, "bicubic").sources:
        assert source.lr is not None
        assert source.lr.path.parent.name == source.hr.path.parent.name.replace("HR", "LR")


@pytest.mark.parametrize("folder", ["LR", "train/LR_bicubic/X2", "trainLR"])
def test_lr_images_alone_are_refused(tmp_path: Path, folder: str) -> None:
    _make(tmp_path, folder)
    for listed in (list_images, list_parts):
        with pytest.raises(
            InputError, match=r"holds LR images alone \(3 in .*LR.*\); put their HR images into a folder"
        ):
            listed(tmp_path, 2, "bicubic")
    assert len(list_images(tmp_path / folder, 2, "bicubic").sources) == 3


def test_training_images_that_are_lr_alone_are_refused_beside_good_validation_images(tmp_path: Path) -> None:
    _make(tmp_path, "train/LR", 2)
    _make(tmp_path, "val/HR")
    with pytest.raises(InputError, match="holds LR images alone"):
        list_parts(tmp_path, 2, "bicubic")


@pytest.mark.parametrize(("large", "small"), [("full", "half"), ("a/640", "a/320")])
def test_one_picture_at_two_sizes_is_refused_where_no_name_says_which_is_lr(
    tmp_path: Path, large: str, small: str
) -> None:
    smooth = np.kron(_image("0001", 6), np.ones((8, 8), np.uint8))
    for folder, picture in ((large, smooth), (small, smooth[::2, ::2])):
        (tmp_path / folder).mkdir(parents=True)
        write_image(tmp_path / folder / "0001.png", picture)
    with pytest.raises(InputError, match=r"0001.png and .* are one picture at two sizes \(x2\); call their folders HR"):
        list_images(tmp_path, 2, "bicubic")


def test_pairs_in_one_folder_are_refused(tmp_path: Path) -> None:
    _make(tmp_path, "all", suffix="_HR")
    _make(tmp_path, "all", stems=STEMS[::-1], suffix="_LR")  # other pictures: a camera's own LR image is no copy
    with pytest.raises(InputError, match=r"0001_LR.png is the LR image of all/0001_HR.png by its name; put HR images"):
        list_images(tmp_path, 2, "bicubic")


def test_two_cameras_of_two_sizes_that_number_alike_are_no_such_pair(tmp_path: Path) -> None:
    for folder, stem, side in (("old", "0001", 24), ("new", "0002", 48)):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "0001.png", _image(stem, side))
    assert len(list_images(tmp_path, 2, "bicubic").sources) == 2


def test_sides_that_are_no_multiple_of_the_scale_are_pairs(tmp_path: Path) -> None:
    for folder, side in (("HR", 25), ("LR", 12)):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "0001.png", _image("0001", side))
    (source,) = list_images(tmp_path, 2, "bicubic").sources
    assert source.lr is not None
