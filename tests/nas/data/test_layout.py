from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.data.folder import LeftOut
from nas.data.frames import Frame
from nas.data.images import write_image
from nas.data.layout import _split, list_images, list_parts
from nas.data.listing import Listing, Source
from nas.errors import InputError

PIXELS = np.zeros((4, 4), np.uint8)


def _make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, PIXELS)
    return folder


def _names(listing: Listing) -> list[str]:
    return [source.name for source in listing.sources]


@pytest.mark.parametrize("train", ["train", "Train", "training", "IRay_Train", "trainset"])
@pytest.mark.parametrize("held_out", ["val", "VAL", "valid", "validation", "test", "Testing", "IRay_test"])
def test_named_parts_are_recognised_in_any_case(tmp_path: Path, train: str, held_out: str) -> None:
    _make(tmp_path, f"{train}/a.bmp", f"{train}/b.BMP", f"{held_out}/c.bmp")
    training, validation = list_parts(tmp_path, 2, "bicubic")
    assert (_names(training), _names(validation)) == (["a.bmp", "b.BMP"], ["c.bmp"])


def test_parts_may_lie_deeper_and_hold_subfolders(tmp_path: Path) -> None:
    _make(tmp_path, "IRay/Train/day/1.bmp", "IRay/Train/night/1.bmp", "IRay/Test/day/2.bmp")
    training, validation = list_parts(tmp_path, 2, "bicubic")
    assert _names(training) == ["day/1.bmp", "night/1.bmp"]
    assert _names(validation) == ["2.bmp"]


def test_val_is_preferred_to_test(tmp_path: Path) -> None:
    _make(tmp_path, "train/a.png", "val/b.png", "test/c.png")
    assert _names(list_parts(tmp_path, 2, "bicubic")[1]) == ["b.png"]


def test_a_folder_named_exactly_train_decides_before_a_word_in_another_name(tmp_path: Path) -> None:
    _make(tmp_path, "test_camera_3/train/a.png", "test_camera_3/val/b.png")
    training, validation = list_parts(tmp_path, 2, "bicubic")
    assert (_names(training), _names(validation)) == (["a.png"], ["b.png"])


def test_without_a_train_folder_all_other_images_are_for_training(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "more/b.png", "val/c.png")
    training, validation = list_parts(tmp_path, 2, "bicubic")
    assert (_names(training), _names(validation)) == (["a.png", "more/b.png"], ["c.png"])


def test_images_to_validate_on_alone_are_refused(tmp_path: Path) -> None:
    _make(tmp_path, "val/a.png")
    with pytest.raises(InputError, match=r"none to train on; put those into .*train"):
        list_parts(tmp_path, 2, "bicubic")


def test_names_do_not_depend_on_where_the_set_is_opened_from(tmp_path: Path) -> None:
    _make(tmp_path, "train/x.png", "val/a.png", "val/b.png")
    inside = list_parts(tmp_path, 2, "bicubic")[1]
    assert inside == list_images(tmp_path / "val", 2, "bicubic")


def test_names_that_would_coincide_are_kept_apart(tmp_path: Path) -> None:
    _make(tmp_path, "train/HR/a.png", "train/a.png")
    assert _names(list_images(tmp_path, 2, "bicubic")) == ["train/HR/a.png", "train/a.png"]


def test_hidden_files_and_other_files_are_ignored(tmp_path: Path) -> None:
    _make(tmp_path, "a.png", "._a.png", ".cache/b.png", "__MACOSX/c.png")
    (tmp_path / "notes.txt").write_text("no image")
    assert _names(list_images(tmp_path, 2, "bicubic")) == ["a.png"]


def test_linked_folders_are_followed_and_a_link_back_up_ends_there(tmp_path: Path) -> None:
    _make(tmp_path / "elsewhere", "a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path / "data")
    assert _names(list_images(tmp_path / "data", 2, "bicubic")) == ["a.png"]


@pytest.mark.parametrize("hr", ["HR", "hr", "DIV2K_HR"])
@pytest.mark.parametrize("lr", ["LR_bicubic/X2", "lr_bicubic/x2", "DIV2K_LR_bicubic_X2"])
@pytest.mark.parametrize("name", ["0001", "0001x2"])
def test_pairs_are_found_by_their_stem(tmp_path: Path, hr: str, lr: str, name: str) -> None:
    _make(tmp_path, f"{hr}/0001.png", f"{lr}/{name}.bmp", "LR_bicubic/X3/0001x3.png")
    (source,) = list_images(tmp_path, 2, "bicubic").sources
    assert source == Source("0001.png", Frame(tmp_path / hr / "0001.png"), Frame(tmp_path / lr / f"{name}.bmp"))


@pytest.mark.parametrize(
    ("hr", "lr", "held_out"),
    [
        ("train/HR", "train/LR_bicubic/X2", "val/HR"),
        ("HR/train", "LR_bicubic/X2/train", "HR/val"),
        ("DIV2K_train_HR", "DIV2K_train_LR_bicubic/X2", "DIV2K_valid_HR"),
    ],
)
def test_pairs_inside_parts(tmp_path: Path, hr: str, lr: str, held_out: str) -> None:
    _make(tmp_path, f"{hr}/1.png", f"{lr}/1x2.png", f"{held_out}/2.png")
    training, validation = list_parts(tmp_path, 2, "bicubic")
    assert training.sources == (Source("1.png", Frame(tmp_path / hr / "1.png"), Frame(tmp_path / lr / "1x2.png")),)
    assert validation.sources == (Source("2.png", Frame(tmp_path / held_out / "2.png")),)


@pytest.mark.parametrize(
    ("scale", "degradation", "why"),
    [
        (4, "bicubic", "LR images for x2, and this is for bicubic x4"),
        (2, "blur", "LR images made by 'bicubic', and this is for blur x2"),
    ],
)
def test_pairs_of_another_scale_or_degradation_are_left_out(
    tmp_path: Path, scale: int, degradation: str, why: str
) -> None:
    _make(tmp_path, "HR/1.png", "LR_bicubic/X2/1.png")
    listing = list_images(tmp_path, scale, degradation)
    assert listing.sources == (Source("1.png", Frame(tmp_path / "HR" / "1.png")),)
    assert listing.left_out == (LeftOut("LR_bicubic/X2/1.png", why),)


def test_files_without_their_counterpart_are_listed(tmp_path: Path) -> None:
    _make(tmp_path, "HR/1.png", "HR/2.png", "LR_bicubic/X2/1.png", "LR_bicubic/X2/3.png")
    listing = list_images(tmp_path, 2, "bicubic")
    assert _names(listing) == ["1.png"]
    assert listing.unpaired == (
        ("HR/2.png", "has no LR image in LR_bicubic/X2"),
        ("LR_bicubic/X2/3.png", "is an LR image without its HR image"),
    )


def test_missing_empty_and_mistaken_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        list_images(tmp_path / "gone", 2, "bicubic")
    with pytest.raises(InputError, match="holds no image"):
        list_images(tmp_path, 2, "bicubic")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="it is a file"):
        list_images(tmp_path / "file", 2, "bicubic")


def test_a_single_image_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least two are needed"):
        list_parts(_make(tmp_path, "a.png"), 2, "bicubic")


def test_one_folder_linked_twice_is_read_twice(tmp_path: Path) -> None:
    _make(tmp_path / "elsewhere", "a.png")
    (tmp_path / "data").mkdir()
    for part in ("train", "val"):
        (tmp_path / "data" / part).symlink_to(tmp_path / "elsewhere")
    assert [_names(part) for part in list_parts(tmp_path / "data", 2, "bicubic")] == [["a.png"], ["a.png"]]


NAMES = st.sets(st.text("abcdef0123456789", min_size=1, max_size=8), min_size=2, max_size=300)


def _held_out(names: list[str]) -> set[str]:
    listing = Listing(tuple(Source(name, Frame(Path(name))) for name in names))
    train, validation = _split(listing, Path())
    assert {s.name for s in (*train.sources, *validation.sources)} == set(names)
    assert len(train.sources) + len(validation.sources) == len(names)
    return {source.name for source in validation.sources}


@given(NAMES, st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_split_does_not_depend_on_the_order(names: set[str], random: Random) -> None:
    shuffled = sorted(names)
    random.shuffle(shuffled)
    assert _held_out(shuffled) == _held_out(sorted(names))


@given(NAMES, st.text("xyz", min_size=1, max_size=8))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_more_file_moves_at_most_one_other(names: set[str], added: str) -> None:
    before, after = _held_out(sorted(names)), _held_out([*sorted(names), added])
    assert len(before - after) <= 1
    assert len(after - before - {added}) <= 1


def test_the_split_holds_back_about_a_tenth_and_at_most_a_hundred() -> None:
    assert 60 <= len(_held_out([f"{i}.png" for i in range(800)])) <= 100
    assert len(_held_out([f"{i}.png" for i in range(3000)])) == 100
    assert len(_held_out(["a", "b"])) == 1
