"""Tensors in files: ours with a checksum, and those that others wrote, without running what may be in them."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from nas.errors import InputError, RunError
from nas.files import replacing

State = Mapping[str, Tensor]

_ENTRY = "nas"
"""The one entry of a file's metadata, as JSON: safetensors writes several in random order, and equal networks shall
give equal files."""

_DIGEST = "sha256"
"""The name in that entry of the checksum of everything else in the file."""

_NESTS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "network", "net", "generator")
"""Under which key authors keep the weights beside other things, the one that counts first."""


class DamagedError(InputError):
    """A file of ours doesn't hold any more what was written; the sentence names it and says how that shows."""


def write_tensors(path: Path, tensors: State, metadata: Mapping[str, str]) -> None:
    """Write tensors and metadata as a safetensors file with a checksum, atomically; equal content gives equal bytes.

    Raises RunError.
    """
    entry = json.dumps({**metadata, _DIGEST: _digest(tensors, metadata)}, sort_keys=True)
    stored = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(save(stored, {_ENTRY: entry}))
    except SafetensorError as error:
        raise RunError(f"{path} can't be written: {error}.") from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors, on the CPU, and the metadata of what `write_tensors` wrote.

    A file that has no checksum is taken as it is. Raises DamagedError where something in the file has changed or it
    can't be read.
    """
    try:
        with _in_utf8(path) as name, safe_open(name, framework="pt") as file:
            entries: dict[str, str] = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    except OSError as error:
        raise DamagedError(f"{path} can't be read ({error.strerror or error}).") from None
    except SafetensorError:
        raise DamagedError(f"{path} is damaged (it is cut off or no safetensors file).") from None
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
    """Yield another name of a file whose own is no UTF-8, which safetensors can't open."""
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


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch checkpoint or a safetensors file under their own names, on the CPU.

    A nest of dictionaries is unwrapped and the prefix `module.` of a parallel training taken off. Nothing in the file
    is executed. Raises InputError for a file that holds no such weights.
    """
    try:
        data = load_file(path) if path.suffix == ".safetensors" else _read_torch(path)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error}).") from None
    except SafetensorError:
        raise InputError(f"{path} is not a safetensors file.") from None
    state = {str(name): value for name, value in _innermost(data).items() if isinstance(value, Tensor)}
    if not state:
        raise InputError(f"{path} holds no weights.")
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): value for name, value in state.items()}
    return state


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception:  # the reader falls over a broken file in many ways
        raise InputError(
            f"{path} is not a PyTorch checkpoint of tensors alone; if whole objects were saved in it, which could run "
            "code when read, save the state dict by itself."
        ) from None


def _innermost(data: object) -> Mapping[object, object]:
    """Return the dictionary that holds the tensors."""
    if isinstance(data, Mapping):
        for nest in _NESTS:
            if isinstance(data.get(nest), Mapping):
                return _innermost(data[nest])
        return data
    return {}
