"""Synaptic flow: how much each weight contributes to the output of a network, without any data."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from proxies.proxy import Score, Task, register
from proxies.untrained import untrained, weights

_NORMALISATIONS = {F.layer_norm, F.group_norm, F.instance_norm, F.batch_norm, F.normalize}
_SATURATING = {torch.tanh, torch.Tensor.tanh, F.tanh}
_MOST_HALVINGS = 64


@register
class SynFlow:
    """Scores by the logarithm of the synaptic flow: the sum of |weight · gradient| in the network of absolute weights.

    The flow is from Tanaka et al. (2006.05467), and its use as a score from Abdelfattah et al. (2101.08134). The
    network is made linear: all weights get their absolute values, biases are 0, and the image is all ones. R is the sum
    of the output. The computation is in float64; for deep networks, which still overflow, see `log_flow`. The authors
    leave out normalisations. Here they divide by the mean of all features, as a constant. Without this, a block whose
    gate multiplies its own features would square them. A tanh is left out.
    """

    name: ClassVar[str] = "synflow"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return ln Σ |θ · ∂R/∂θ| over all weights θ. `task` gives only the shape of a patch."""
        lr, _ = task.batch(1)
        return Score(log_flow(_positive(untrained(network, lr.device)), torch.ones_like(lr)), "ln of the flow", {})


def log_flow(network: nn.Module, image: Tensor) -> float:
    """Return ln Σ θ · ∂R/∂θ of a network without negative weights, where R is the sum of its output for `image`.

    A chain of hundreds of layers exceeds the range of float64. Then all weights are halved, in place, until the values
    fit. Each halving adds Σ θ · ∂R/∂θ / R · ln 2: by Euler's theorem that factor is the number of successive weights.
    This is exact for a chain. Shorter paths beside a chain are negligible.
    """
    network, image = network.double(), image.double()
    chain = weights(network)
    flow, output = math.nan, math.nan
    for halvings in range(_MOST_HALVINGS + 1):
        with _Linear():
            summed = network(image).sum()
            found = torch.autograd.grad(summed, chain, materialize_grads=True)
        flow = float(sum((weight.detach() * grad).abs().sum() for weight, grad in zip(chain, found, strict=True)))
        output = float(summed.detach())
        if math.isfinite(flow) and math.isfinite(output):
            length = flow / output if halvings else 0.0
            return math.log(max(flow, torch.finfo(torch.float64).tiny)) + length * halvings * math.log(2)
        with torch.no_grad():
            for weight in chain:
                weight.div_(2)
    return math.nan


def _positive(network: nn.Module) -> nn.Module:
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.rpartition(".")[2] == "bias":
                parameter.zero_()
            else:
                parameter.abs_()
    return network


class _Linear(TorchFunctionMode):
    """A context in which a network with positive features is linear and computes in float64.

    A normalisation divides all features by a single number, which is constant for gradients. A tanh returns its input,
    because it would stop all flow. Calls for single precision get double precision.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in _NORMALISATIONS:
            features = args[0]
            return features / features.detach().abs().mean().clamp_min(torch.finfo(features.dtype).tiny)
        if function in _SATURATING:
            return args[0]
        if function is Tensor.float:
            return args[0].double()
        precise = [_doubled(value) for value in args]
        named = {name: _doubled(value) for name, value in (kwargs or {}).items()}
        return function(*precise, **named)


def _doubled(argument: Any) -> Any:
    return torch.float64 if argument is torch.float32 else argument
