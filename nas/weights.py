"""Reading tensors out of files that others wrote, without running what may be in them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nas.errors import InputError

State = Mapping[str, Tensor]

_NESTS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "network", "net", "generator")
"""Under which key authors keep the weights beside other things, the one that counts first."""


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
