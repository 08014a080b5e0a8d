"""The digest of a file follows its content, whatever is done to its size, its times and its name."""

import os
import shutil
import time
from pathlib import Path

import pytest

from nas.data.contents import MISSING, digests_of

OLD = time.time() - 3600


@pytest.fixture
def known(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "files.json"


def _later() -> None:
    """Wait until the time of a file that is written from now on can't be taken for recent."""
    time.sleep(2.1)


def test_equal_contents_have_equal_digests_and_others_do_not(tmp_path: Path, known: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / name).write_bytes(content)
    a, b, c = digests_of([tmp_path / name for name in "abc"], known)
    assert a == c != b
    assert digests_of([tmp_path / "gone"], known) == [MISSING]


def test_a_replaced_file_of_the_same_size_and_time_has_another_digest(tmp_path: Path, known: Path) -> None:
    files = [tmp_path / name for name in ("overwritten", "copied over", "renamed over")]
    for file in files:
        file.write_bytes(b"one")
        (tmp_path / f"new {file.name}").write_bytes(b"two")
        for path in (file, tmp_path / f"new {file.name}"):
            os.utime(path, (OLD, OLD))
    _later()
    before = digests_of(files, known)
    assert known.exists()
    files[0].write_bytes(b"two")
    os.utime(files[0], (OLD, OLD))
    shutil.copy2(tmp_path / "new copied over", files[1])  # cp -p
    (tmp_path / "new renamed over").rename(files[2])  # tar, rsync
    assert {(file.stat().st_size, round(file.stat().st_mtime)) for file in files} == {(3, round(OLD))}
    after = digests_of(files, known)
    assert len({*before}) == len({*after}) == 1 and before != after


def test_files_changed_just_now_are_read_again_and_older_ones_are_not(tmp_path: Path, known: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    digests_of([file], known)
    assert not known.exists()  # nothing that may change within one tick of the clock is remembered
    _later()
    digest = digests_of([file], known)
    stamp = known.stat().st_mtime_ns
    assert digests_of([file], known) == digest
    assert known.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"a": 3}', b"\xff\xfe", b"[" * 3000])
def test_a_damaged_list_of_digests_is_made_again(tmp_path: Path, known: Path, damage: bytes) -> None:
    (tmp_path / "a").write_bytes(b"one")
    before = digests_of([tmp_path / "a"], known)
    known.parent.mkdir(exist_ok=True)
    known.write_bytes(damage)
    assert digests_of([tmp_path / "a"], known) == before


def test_digests_are_returned_also_where_they_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "file").touch()
    os.utime(tmp_path / "a", (OLD, OLD))
    assert digests_of([tmp_path / "a"], tmp_path / "file" / "files.json") == digests_of(
        [tmp_path / "a"], tmp_path / "x"
    )
