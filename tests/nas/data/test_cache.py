"""Decoded images on disk: any damage is told and mended, and what can't be kept is one sentence."""

import json
import os
import pickle
import resource
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nas.data.cache import Item, open_store
from nas.data.store import Store
from nas.errors import RunError

IMAGES = [np.random.default_rng(index).integers(0, 256, (5 + index, 7), np.uint8) for index in range(3)]


def _open(folder: Path) -> Store:
    items = [Item(f"{index}.png", lambda index=index: IMAGES[index]) for index in range(3)]  # type: ignore[misc]
    return open_store(folder, items, keep_going=False, tick=lambda count: None)


def _holds_all(store: Store) -> bool:
    return all(np.array_equal(store.pixels(index), IMAGES[index]) for index in range(3))


@contextmanager
def _silence() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def _index(folder: Path, change: Callable[[str], str]) -> None:
    (folder / "index.json").write_text(change((folder / "index.json").read_text()))


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "index deleted": lambda f: (f / "index.json").unlink(),
    "index empty": lambda f: (f / "index.json").write_bytes(b""),
    "index cut": lambda f: os.truncate(f / "index.json", 50),
    "index with a stray byte": lambda f: (f / "index.json").write_bytes(b"\xff" + (f / "index.json").read_bytes()),
    "index with a flipped bit": lambda f: _flip(f / "index.json"),
    "index of something else": lambda f: (f / "index.json").write_text("[1, 2]"),
    "a height in the index changed": lambda f: _index(f, lambda text: text.replace('"height": 5', '"height": 4')),
    "index without its seal": lambda f: _index(
        f, lambda text: json.dumps({key: value for key, value in json.loads(text).items() if key != "seal"})
    ),
    "pixels deleted": lambda f: (f / "pixels.bin").unlink(),
    "pixels empty": lambda f: (f / "pixels.bin").write_bytes(b""),
    "pixels cut": lambda f: os.truncate(f / "pixels.bin", 20),
    "pixels too long": lambda f: os.truncate(f / "pixels.bin", 1000),
    "pixels with a flipped bit": lambda f: _flip(f / "pixels.bin"),
    "pixels a folder": lambda f: ((f / "pixels.bin").unlink(), (f / "pixels.bin").mkdir()),
    "both deleted": lambda f: [file.unlink() for file in f.iterdir()],
    "a file in place of the folder": lambda f: (shutil.rmtree(f), f.touch()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_is_made_again_with_one_note(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "cache" / "hr"
    _open(folder)
    DAMAGES[damage](folder)
    with pytest.warns(UserWarning, match=r"hr are damaged or incomplete; they're made again") as said:
        assert _holds_all(_open(folder))
    assert len(said) == 1
    with _silence():
        assert _holds_all(_open(folder))
    assert [path.name for path in folder.parent.iterdir()] == ["hr"]
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "pixels.bin"]


def test_a_deleted_store_is_made_again_without_a_word(tmp_path: Path) -> None:
    _open(tmp_path / "cache" / "hr")
    shutil.rmtree(tmp_path / "cache")
    with _silence():
        assert _holds_all(_open(tmp_path / "cache" / "hr"))


def test_a_store_stays_readable_when_it_is_deleted_meanwhile(tmp_path: Path) -> None:
    store = _open(tmp_path / "hr")
    shutil.rmtree(tmp_path / "hr")
    assert _holds_all(store)


def test_a_process_that_comes_after_the_deletion_is_told_so(tmp_path: Path) -> None:
    sent = pickle.dumps(_open(tmp_path / "hr"))
    shutil.rmtree(tmp_path / "hr")
    with pytest.raises(RunError, match=r"The decoded images in .*hr were deleted meanwhile; start again"):
        _ = pickle.loads(sent).flat


@pytest.mark.filterwarnings("ignore:the decoded images")
def test_several_may_mend_one_store_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "hr"
    with ThreadPoolExecutor(4) as pool:
        for damage in (*DAMAGES.values(), shutil.rmtree):
            _open(folder)
            damage(folder)
            assert all(pool.map(lambda _: _holds_all(_open(folder)), range(4)))
    assert [path.name for path in folder.parent.iterdir()] == ["hr"]


def test_what_a_killed_process_left_behind_is_removed_after_a_while(tmp_path: Path) -> None:
    for name in (".building-old", ".building-new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pixels.bin").touch()
    hours_ago = time.time() - 7200
    os.utime(tmp_path / ".building-old" / "pixels.bin", (hours_ago, hours_ago))
    _open(tmp_path / "hr")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".building-new", "hr"]


def test_a_name_that_no_file_system_holds_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"can't be kept in .*: File name too long"):
        _open(tmp_path / ("d" * 300))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write there")
def test_a_folder_that_may_not_be_written_to_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    os.seteuid(65534)
    try:
        with pytest.raises(RunError) as refusal:
            _open(Path("cache/hr"))
    finally:
        os.seteuid(0)
    assert str(refusal.value) == "The decoded images can't be kept in cache/hr: Permission denied."


def test_a_disk_that_takes_no_more_is_one_sentence_and_nothing_is_left_behind(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, usual[1]))
    try:
        with pytest.raises(RunError, match=r"can't be kept in .*hr: File too large"):
            _open(tmp_path / "hr")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert list(tmp_path.iterdir()) == []
    assert _holds_all(_open(tmp_path / "hr"))
