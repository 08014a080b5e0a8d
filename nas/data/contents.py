"""Digests of files. A file is read only if it may have changed since it was read last."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nas.errors import RunError
from nas.files import make_folder, write_atomic

Stamp = tuple[int, ...]
"""(size, mtime, ctime, inode, device) of a file.

Unpacking an archive, `cp -p` and `rsync -a` restore the old mtime. Nobody can set the ctime.
"""

MISSING = "missing"
"""The digest of a file that can't be read. The error is raised when its image is read."""

_RECENT = 2_000_000_000
"""Nanoseconds in which a file may change again without a new time: file systems count in steps of up to 2 s."""


def stamp_of(file: Path) -> Stamp | None:
    """Return a stamp that differs after each change of a file; None for a missing file or a dangling link."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def digests_of(files: Sequence[Path], known: Path) -> list[str]:
    """Return 16 hex digits of SHA-256 for the content of each file.

    `known` is a file that keeps digests and stamps. If it can't be read or written, or was deleted, all files are read
    again.
    """
    before = _read(known)
    found: dict[str, tuple[Stamp, str]] = {}

    def digest_of(file: Path) -> str:
        name, stamp = str(file), stamp_of(file)
        if stamp is None:
            return MISSING
        if name in before and before[name][0] == stamp:
            digest = before[name][1]
        else:
            try:
                with file.open("rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()[:16]
            except OSError:
                return MISSING
            if time.time_ns() - max(stamp[1], stamp[2]) < _RECENT or stamp_of(file) != stamp:
                return digest
        found[name] = stamp, digest
        return digest

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        digests = list(pool.map(digest_of, files))
    if found != before:
        _write(known, found)
    return digests


def _read(known: Path) -> dict[str, tuple[Stamp, str]]:
    try:
        entries = json.loads(known.read_text(encoding="utf-8"))
        return {
            name: (tuple(int(number) for number in stamp), str(digest)) for name, (stamp, digest) in entries.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _write(known: Path, entries: dict[str, tuple[Stamp, str]]) -> None:
    """Write the digests. It is no fault if that isn't possible."""
    with contextlib.suppress(RunError):
        make_folder(known.parent)
        write_atomic(known, json.dumps(entries))
