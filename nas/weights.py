"""Tensors in files: own files with a checksum, and files of others, which are read without executing anything."""

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from nas.errors import InputError, RunError
from nas.files import replacing
from search_spaces.documents import shortened

State = Mapping[str, Tensor]

_ENTRY = "nas"
"""The only entry of a file's metadata, as JSON.

safetensors writes several entries in random order, but equal networks must give equal files.
"""

_DIGEST = "sha256"
"""The field of that entry with the checksum of everything else in the file."""

_LIMIT = "NAS_MAX_WEIGHTS_GIB"
"""The environment variable that limits the memory of constants of a graph."""

_NESTS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "network", "net", "generator")
"""Keys under which authors store weights beside other things. The first key that is present counts."""


class DamagedError(InputError):
    """A file is no longer what was written. The message names the file and the fault."""


def write_tensors(path: Path, tensors: State, metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata atomically as a safetensors file with a checksum. Equal content gives equal bytes.

    Raises RunError if the file can't be written.
    """
    entry = json.dumps({**metadata, _DIGEST: _digest(tensors, metadata)}, sort_keys=True)
    stored = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(save(stored, {_ENTRY: entry}))
    except SafetensorError as error:
        raise RunError(f"{path} can't be written: {error}.") from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors, on the CPU, and the metadata of a file that `write_tensors` wrote.

    A file without a checksum is accepted. Raises DamagedError if the content has changed or can't be read.
    """
    try:
        with _in_utf8(path) as name, safe_open(name, framework="pt") as file:
            entries: dict[str, str] = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except OSError as error:
        raise DamagedError(f"{path} can't be read ({error.strerror or error}).") from None
    except SafetensorError:
        what = instead_of_weights(path) if path.stat().st_size else "is damaged (it is empty)"
        what = what or "is damaged (it is cut off or no safetensors file)"
        raise DamagedError(f"{path} {what}.") from None
    if _ENTRY not in entries:
        return tensors, entries
    try:
        metadata = dict(json.loads(entries[_ENTRY]))
        intact = metadata.pop(_DIGEST) == _digest(tensors, metadata)
    except (ValueError, TypeError, KeyError, RecursionError):
        intact = False
    if not intact:
        raise DamagedError(f"{path} is damaged (a checksum differs).")
    return tensors, metadata


@contextmanager
def _in_utf8(path: Path) -> Iterator[Path]:
    """Yield a path in UTF-8 for a file. safetensors can't open other paths."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            yield Path(f"/dev/fd/{file.fileno()}")
    else:
        yield path


def _digest(tensors: State, metadata: Mapping[str, str]) -> str:
    found = hashlib.sha256(json.dumps(sorted(metadata.items())).encode())
    for name, tensor in sorted(tensors.items()):
        found.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def instead_of_weights(path: Path) -> str | None:
    """Return what a file without weights is and what to do, as the rest of a sentence; None if unknown.

    Raises OSError for a file that can't be read.
    """
    if path.is_dir():
        return "is a folder, not a file of weights"
    with path.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if not head:
        return "is empty; download or copy it again"
    if head.startswith(b"version https://git-lfs.github.com"):
        return "is a pointer of Git LFS, not the weights; fetch the weights with: git lfs pull"
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "is a web page, not weights; the link led to a page about the file, so download the file itself"
    return None


def most_bytes() -> int:
    """Return the bytes that the constants of a graph may take: 2 GiB, or the value of NAS_MAX_WEIGHTS_GIB.

    Raises InputError for a value that is no number above 0.
    """
    text = os.environ.get(_LIMIT, "2")
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not 0 < limit < math.inf:
        raise InputError(f"{_LIMIT} must be a number of GiB above 0, not '{shortened(text)}'.")
    return int(limit * 2**30)


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch checkpoint or a safetensors file with their names, on the CPU.

    Nested dictionaries are unwrapped, and the prefix `module.` of a parallel training is removed. Nothing in the file
    is executed. Raises InputError for a file without such weights.
    """
    try:
        what = instead_of_weights(path)
        if what:
            raise InputError(f"{path} {what}.")
        data = load_file(path) if path.suffix == ".safetensors" else _read_torch(path)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error}).") from None
    except SafetensorError:
        raise InputError(f"{path} is not a safetensors file.") from None
    state = {str(name): value for name, value in _innermost(data).items() if isinstance(value, Tensor)}
    if not state:
        raise InputError(f"{path} holds no weights.")
    for name, tensor in state.items():
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise InputError(
                f"{path} is not a checkpoint of weights: '{shortened(name)}' claims more values than it has."
            )
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return state


def _read_torch(path: Path) -> object:
    _check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception:  # a broken file raises many kinds of errors
        raise InputError(
            f"{path} is not a PyTorch checkpoint of only tensors; if it holds whole objects, which could execute code "
            "when they are read, save only the state dict."
        ) from None


def _check_archive(path: Path) -> None:
    """Raise InputError for an archive whose entries are larger than the file. PyTorch doesn't compress entries."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # a checkpoint of PyTorch before 1.6, or another file
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise InputError(
            f"{path} is not read: its entries are larger than the file, which PyTorch never writes; save the state "
            "dict again with torch.save."
        )


def _innermost(data: object) -> Mapping[object, object]:
    """Return the dictionary that holds the tensors."""
    if isinstance(data, Mapping):
        for nest in _NESTS:
            if isinstance(data.get(nest), Mapping):
                return _innermost(data[nest])
        return data
    return {}
