"""Writing files atomically: a kill, a full disk or a lost mount leaves the old file or the new file, and no rest."""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from nas.errors import InputError, RunError

_NO_SUCH_CALL = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM}
"""Errors of file systems that can't sync a folder, or don't allow it."""

_ABANDONED = 3600.0
"""If nobody has written to an unfinished file for this many seconds, its writer was killed."""


def write_atomic(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all. The old file stays until the new file is on disk.

    Text is written as UTF-8, and file names in it that aren't UTF-8 as their bytes. The umask decides who may read the
    file; with `private`, only its owner may. A device or a pipe (`/dev/stdout`) is written to directly. Raises RunError
    that names `path` and the cause.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    if _is_stream(path):
        with _in_one_sentence(path):
            path.write_bytes(data)
        return
    with _in_one_sentence(path), _beside(path, private) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the same folder, for a library that writes a file itself. Afterwards it becomes `path`.

    The guarantees of `write_atomic` hold. If the block raises, no file is left. The temporary path doesn't have the
    ending of `path`, so tell the library the format. An OSError of the block becomes a RunError, too.
    """
    with _in_one_sentence(path), _beside(path, private) as temporary:
        _sweep(temporary)
        yield temporary


def make_folder(folder: Path) -> None:
    """Make a folder and the folders above it if they don't exist. Raises RunError that names it and the cause."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"The folder {folder} can't be made: {error.strerror or error}.") from None


def check_writable(path: str | Path | None, option: str, *, folder: bool = False) -> Path | None:
    """Return the path of a file (or a `folder`) that will be written; None for None.

    Raises InputError that names the `option` if writing would fail. So the user learns of it before the work.
    """
    if path is None:
        return None
    target = Path(path)
    above = next(place for place in (target, *target.absolute().parents) if place.exists())
    reason = ""
    if target.is_dir() and not folder:
        reason = "it is a folder"
    elif above.is_file() and (folder or above != target):
        reason = f"{above} is a file"
    elif not os.access(above, os.W_OK):
        reason = f"{above} may not be written to"
    if reason:
        raise InputError(f"{option} {path} can't be written: {reason}.")
    return target


def set_aside(path: Path) -> Path:
    """Rename a damaged file or folder to `NAME.damaged` (or `NAME.damaged2`, …), and return the new path.

    Raises RunError that names it and the cause.
    """
    target, number = path.with_name(f"{path.name}.damaged"), 2
    while target.exists():
        target, number = path.with_name(f"{path.name}.damaged{number}"), number + 1
    with _in_one_sentence(path):
        path.rename(target)
    return target


@contextlib.contextmanager
def _in_one_sentence(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(f"{path} can't be written: {error.strerror or error}.") from None


@contextlib.contextmanager
def _beside(path: Path, private: bool) -> Iterator[Path]:
    """Yield an empty file that replaces `path` when the block ends. The file keeps the mode that it has at first."""
    target = Path(os.path.realpath(path))  # a link stays a link
    # The digest is short: the target's name may already use all 255 bytes of a name.
    temporary = target.with_name(f".{_key(target)}-{secrets.token_hex(4)}.tmp")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        mode = stat.S_IMODE(os.fstat(file).st_mode)
        os.close(file)
        yield temporary
        temporary.chmod(mode)  # some libraries replace the file by a new file
        _force(temporary)
        temporary.replace(target)
        _force_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _key(target: Path) -> str:
    return hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]


def _sweep(temporary: Path) -> None:
    """Remove unfinished files of `path` that killed processes left."""
    key = temporary.name.partition("-")[0]
    for other in temporary.parent.glob(f"{key}-*.tmp*"):
        with contextlib.suppress(OSError):
            if time.time() - other.stat().st_mtime > _ABANDONED:
                other.unlink()


def _force(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _force_folder(folder: Path) -> None:
    try:
        _force(folder)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()
