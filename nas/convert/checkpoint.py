"""Reading the weights that authors publish, and fitting them into a network of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from nas.errors import InputError
from search_spaces.layers.collapsible import Collapsible

State = Mapping[str, Tensor]

_NESTS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "network", "net", "generator")
"""Under which key authors keep the weights beside other things, the one that counts first."""

_SHOWN = 3
"""How many names of tensors a message holds."""


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


@dataclass(frozen=True)
class Fit:
    """How the tensors of a checkpoint fit a network."""

    tensors: dict[str, Tensor]
    """Those that fit, in the network's shapes."""
    missing: tuple[str, ...]
    """What the network has and the checkpoint hasn't."""
    unexpected: tuple[str, ...]
    wrong: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    """Tensors of another shape: name, the checkpoint's shape, the network's."""

    @property
    def faults(self) -> int:
        """How many tensors don't fit; 0 is a fit."""
        return len(self.missing) + len(self.unexpected) + len(self.wrong)

    def describe(self) -> str:
        """Say in a clause what doesn't fit."""
        if self.wrong:
            name, theirs, ours = self.wrong[0]
            more = f", and {len(self.wrong) - 1} more differ" if len(self.wrong) > 1 else ""
            return f"its tensor '{name}' is {_shape(theirs)}, but the network's is {_shape(ours)}{more}"
        lacks = f"it lacks {_some(self.missing)}" if self.missing else ""
        has = f"it has {_some(self.unexpected)}, which the network hasn't" if self.unexpected else ""
        return " and ".join(filter(None, (lacks, has)))


def fit(state: State, network: nn.Module) -> Fit:
    """Match tensors under our names with those of `network`, which may be on the meta device.

    Shapes that differ only in dimensions of 1 agree: a fully connected layer is a 1x1 convolution. Where a block trains
    with branches and the checkpoint has its one merged convolution, that is expected instead of the branches.
    """
    wanted = _expected(state, network)
    tensors, wrong = {}, []
    for name, shape in wanted.items():
        if name in state:
            tensor = state[name]
            if _essential(tensor.shape) == _essential(shape):
                tensors[name] = tensor.reshape(shape)
            else:
                wrong.append((name, tuple(tensor.shape), shape))
    missing = tuple(n for n in wanted if n not in state and not n.endswith("num_batches_tracked"))
    return Fit(tensors, missing, tuple(n for n in state if n not in wanted), tuple(wrong))


def _expected(state: State, network: nn.Module) -> dict[str, tuple[int, ...]]:
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for path in _merged(state, network):
        block = cast(Collapsible, network.get_submodule(path))
        shapes = {name: shape for name, shape in shapes.items() if not name.startswith(f"{path}.")}
        shapes[f"{path}.weight"] = (block.outputs, block.inputs, block.kernel, block.kernel)
        shapes[f"{path}.bias"] = (block.outputs,)
    return shapes


def _merged(state: State, network: nn.Module) -> list[str]:
    """Return the blocks with branches that the checkpoint holds as one convolution."""
    own = network.state_dict()
    blocks = [path for path, module in network.named_modules() if isinstance(module, Collapsible)]
    return [path for path in blocks if f"{path}.weight" in state and f"{path}.weight" not in own]


@torch.no_grad()
def load(found: Fit, network: nn.Module) -> None:
    """Put tensors that fit into `network`."""
    tensors = dict(found.tensors)
    for path in _merged(tensors, network):
        block = cast(Collapsible, network.get_submodule(path))
        weight, bias = (tensors.pop(f"{path}.{kind}").float() for kind in ("weight", "bias"))
        block.absorb(weight, bias)
        tensors |= {f"{path}.{name}": tensor for name, tensor in block.state_dict().items()}
    counters = {n: t for n, t in network.state_dict().items() if n.endswith("num_batches_tracked")}
    network.load_state_dict({**counters, **tensors})


def _essential(shape: tuple[int, ...]) -> list[int]:
    return [side for side in shape if side != 1]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a number"


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
