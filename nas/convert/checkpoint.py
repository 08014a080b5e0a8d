"""Fitting published weights into a network of this project."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from nas.weights import State
from search_spaces.layers.collapsible import Collapsible

_SHOWN = 3
"""Maximum number of tensor names in a message."""


@dataclass(frozen=True)
class Fit:
    """How the tensors of a checkpoint fit a network."""

    tensors: dict[str, Tensor]
    """The tensors that fit, in the shapes of the network."""
    missing: tuple[str, ...]
    """Names of tensors of the network that the checkpoint doesn't have."""
    unexpected: tuple[str, ...]
    """Names of tensors of the checkpoint that the network doesn't have."""
    wrong: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]
    """Tensors of another shape: (name, shape in the checkpoint, shape in the network)."""

    @property
    def faults(self) -> int:
        """Number of tensors that don't fit; 0 if the checkpoint fits."""
        return len(self.missing) + len(self.unexpected) + len(self.wrong)

    def describe(self) -> str:
        """Return what doesn't fit, as a clause."""
        if self.wrong:
            name, theirs, ours = self.wrong[0]
            more = f", and {len(self.wrong) - 1} more differ" if len(self.wrong) > 1 else ""
            return f"its tensor '{name}' is {_shape(theirs)}, but the network's is {_shape(ours)}{more}"
        lacks = f"it lacks {_some(self.missing)}" if self.missing else ""
        has = f"it has {_some(self.unexpected)}, which the network doesn't have" if self.unexpected else ""
        return " and ".join(filter(None, (lacks, has)))


def fit(state: State, network: nn.Module) -> Fit:
    """Match tensors, named as in this project, with those of `network`, which may be on the meta device.

    Shapes that differ only in dimensions of 1 agree, since a fully connected layer is a 1x1 convolution. If a block
    trains with branches and the checkpoint has its merged convolution, this convolution replaces the branches.
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
    """Return the blocks with branches that are a merged convolution in the checkpoint."""
    own = network.state_dict()
    blocks = [path for path, module in network.named_modules() if isinstance(module, Collapsible)]
    return [path for path in blocks if f"{path}.weight" in state and f"{path}.weight" not in own]


@torch.no_grad()
def load(found: Fit, network: nn.Module) -> None:
    """Copy the tensors that fit into `network`."""
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
