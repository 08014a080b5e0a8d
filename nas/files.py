"""Writing files: a kill, a full disk or a lost mount leaves the old file or the new one, and nothing beside it."""

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
"""What file systems say that can't force a folder to disk, or may not be asked to."""

_ABANDONED = 3600.0
"""Seconds after which nobody writes to an unfinished file any more: its writer was killed."""


def write_atomic(path: Path, content: str | bytes, *, private: bool = False) -> None:
    """Write a file whole or not at all; what was there before stays until the new one is on disk.

    Text is written as UTF-8, names of files that aren't UTF-8 as the bytes that they are. The umask decides who may
    read it; with `private`, its owner alone. A device or a pipe (`/dev/stdout`) is written to as it is. Raises RunError
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
    """Yield a path in the same folder for a library that writes a file itself; `path` is that file afterwards.

    As `write_atomic`, whose guarantees hold: when the block raises, nothing is left of the file. Its name has neither
    the name nor the suffix of `path`, so the library must be told the format. Raises RunError for an OSError of the
    block, too.
    """
    with _in_one_sentence(path), _beside(path, private) as temporary:
        _sweep(temporary)
        yield temporary


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are not there. Raises RunError that names it and the cause."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"The folder {folder} can't be made: {error.strerror or error}.") from None


def check_writable(path: str | Path | None, option: str, *, folder: bool = False) -> Path | None:
    """Return where a file (or a `folder`) is to be written, None for None.

    Raises InputError, naming the `option`, where that can be told to fail, so that it is told before the work and not
    after it.
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
    """Rename a damaged file or folder to `NAME.damaged`, numbered where that is taken, and return the new path.

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
    """Yield an empty file that takes the place of `path` when the block ends, with the mode that it has now."""
    target = Path(os.path.realpath(path))  # a link stays a link
    # The name of the target may fill the 255 bytes that a name can have.
    temporary = target.with_name(f".{_key(target)}-{secrets.token_hex(4)}.tmp")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        mode = stat.S_IMODE(os.fstat(file).st_mode)
        os.close(file)
        yield temporary
        temporary.chmod(mode)  # some libraries replace the file by one of their own
        _force(temporary)
        temporary.replace(target)
        _force_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _key(target: Path) -> str:
    return hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]


def _sweep(temporary: Path) -> None:
    """Remove what killed processes left of the same file."""
    key = temporary.name.partition("-")[0]
    for other in temporary.parent.glob(f"{key}-*.tmp"):
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
