"""Files are written whole or not at all, whatever stops the writing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nas.errors import RunError
from nas.files import make_folder, replacing, set_aside, write_atomic


def test_a_text_file_is_replaced_in_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_atomic(path, "old")
    held = path.open()
    write_atomic(path, "new ±")
    assert held.read() == "old"
    assert path.read_bytes() == "new ±".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_the_umask_decides_who_may_read(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "text", b"\x00\xff")
        write_atomic(tmp_path / "private", "secret", private=True)
        with replacing(tmp_path / "library") as temporary:
            temporary.unlink()  # as a library that makes the file anew, for its owner alone
            os.close(os.open(temporary, os.O_CREAT, 0o600))
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"text": 0o666 & ~umask, "library": 0o666 & ~umask, "private": 0o600}


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_atomic(path, "text")
    assert path.read_text() == "text"


def test_names_that_are_no_utf8_are_written_as_the_bytes_that_they_are(tmp_path: Path) -> None:
    write_atomic(tmp_path / "list", os.fsdecode(b"K\xe4lte.png"))
    assert (tmp_path / "list").read_bytes() == b"K\xe4lte.png"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "file")
    write_atomic(link, "text")
    assert link.is_symlink()
    assert (tmp_path / "disk" / "file").read_text() == "text"


def test_a_device_is_written_to_as_it_is() -> None:
    write_atomic(Path(os.devnull), "text")
    assert Path(os.devnull).is_char_device()
    with pytest.raises(RunError, match=r"^/dev/full can't be written: No space left on device\.$"):
        write_atomic(Path("/dev/full"), "text")


def test_what_breaks_off_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    with pytest.raises(RunError, match=r"file can't be written: No such file or directory\.$"), replacing(path) as gone:
        gone.unlink()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
import torch
from nas.errors import RunError
from nas.files import write_atomic
from nas.weights import write_tensors
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in (
    lambda: write_atomic(Path("file"), bytes(1_000_000)),
    lambda: write_tensors(Path("file"), {"a": torch.zeros(1_000_000)}, {}),
):
    try:
        write()
    except RunError as error:
        print(error)
"""


def test_a_disk_without_room_ends_in_a_sentence_and_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    done = subprocess.run([sys.executable, "-c", FILLS_THE_DISK], cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("file can't be written: ") and "File too large" in line for line in lines), lines
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "old")]


def test_what_a_kill_left_is_removed_by_the_next_that_writes_the_file(tmp_path: Path) -> None:
    kill = (
        "import os; from pathlib import Path; from nas.files import replacing\n"
        "with replacing(Path('file')) as temporary:\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", kill], cwd=tmp_path, check=False)
    (left,) = tmp_path.iterdir()
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("1")
    assert left.exists()  # somebody might still be writing
    os.utime(left, (0, 0))
    with replacing(tmp_path / "another") as temporary:
        temporary.write_text("2")
    assert left.exists()
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("3")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "3", "another": "2"}


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path, cause in (
        ("file/x", "Not a directory"),
        ("gone/x", "No such file or directory"),
        ("folder", "Is a direc"),
    ):
        with pytest.raises(RunError, match=rf"{path} can't be written: {cause}"):
            write_atomic(tmp_path / path, "text")
    with pytest.raises(RunError, match=r"The folder .*file/new can't be made: Not a directory\.$"):
        make_folder(tmp_path / "file" / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_is_set_aside_takes_no_other_files_place(tmp_path: Path) -> None:
    kept = []
    for content in ("first", "second", "third"):
        (tmp_path / "search.yaml").write_text(content)
        kept.append(set_aside(tmp_path / "search.yaml"))
    assert [path.name for path in kept] == ["search.yaml.damaged", "search.yaml.damaged2", "search.yaml.damaged3"]
    assert [path.read_text() for path in kept] == ["first", "second", "third"]
