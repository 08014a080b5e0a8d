"""The user's permissions to run code that files of others name, remembered by its content in the user's own folder."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Literal

import platformdirs
from filelock import FileLock, Timeout

from nas.errors import RunError
from nas.files import write_atomic

Kind = Literal["plugins", "latency_commands"]

_GIVEN: set[tuple[Kind, str]] = set()
"""The permissions of this process: pairs of a kind and the SHA-256 of a content."""

_LOCK_SECONDS = 10


def permission_file() -> Path:
    """Return the path of `allowed.json` in the user's folder for settings (XDG_CONFIG_HOME on Linux)."""
    return platformdirs.user_config_path("infrared-sr-nas", appauthor=False) / "allowed.json"


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def allow(kind: Kind, sha256: str, shown: str, *, remember: bool = True) -> None:
    """Allow the content with this hash to run in this process and, with `remember`, in later processes.

    `shown` describes the content. Warns if the permission can't be written.
    """
    _GIVEN.add((kind, sha256))
    file = permission_file()
    if not remember or sha256 in _read(file).get(kind, {}):
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=_LOCK_SECONDS):
            allowed = _read(file)
            allowed.setdefault(kind, {})[sha256] = shown
            write_atomic(file, json.dumps(allowed, indent=2) + "\n", private=True)
    except (OSError, RunError, Timeout) as error:
        reason = str(error).rstrip(".")
        warnings.warn(f"{shown} must be given again next time, since {file} can't be written: {reason}", stacklevel=2)


def is_allowed(kind: Kind, sha256: str) -> bool:
    """Return whether the content with this hash was given to this process or to an earlier process of this user."""
    return (kind, sha256) in _GIVEN or sha256 in _read(permission_file()).get(kind, {})


def given(kind: Kind) -> tuple[str, ...]:
    """Return the hashes of the contents that were given to this process."""
    return tuple(sha256 for of, sha256 in sorted(_GIVEN) if of == kind)


def _read(file: Path) -> dict[str, dict[str, str]]:
    """Return the remembered permissions; none if the file is missing or damaged."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {kind: allowed for kind, allowed in data.items() if isinstance(allowed, dict)}
