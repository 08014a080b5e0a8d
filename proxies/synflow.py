"""Synaptic flow: how much of a network's output would be lost with each of its weights, without any data."""

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

    From Tanaka et al. (2006.05467), as a score of networks from Abdelfattah et al. (2101.08134): the network is made
    linear by taking the absolute value of all weights, no biases and an image of ones, and R is the sum of its output.
    In float64; deep networks still overflow, see `log_flow`. Normalisations, which the authors leave out, divide
    by the mean of all features instead, taken as a constant: without any, a block whose gate multiplies its own
    features would square them. A tanh is left out.
    """

    name: ClassVar[str] = "synflow"
    trains: ClassVar[bool] = False

    def score(self, network: nn.Module, task: Task) -> Score:
        """Return ln Σ |θ · ∂R/∂θ| over all weights θ; of `task` only the shape of its patches counts."""
        lr, _ = task.batch(1)
        return Score(log_flow(_positive(untrained(network, lr.device)), torch.ones_like(lr)), "ln of the flow", {})


def log_flow(network: nn.Module, image: Tensor) -> float:
    """Return ln Σ θ · ∂R/∂θ of a network without negative weights, where R is the sum of its output for `image`.

    A chain of hundreds of layers leaves the range of float64. Its weights are then halved until it doesn't, which
    changes them, and each halving counted as Σ θ · ∂R/∂θ / R · ln 2: by Euler's theorem that factor is how many
    weights follow each other. Exact for a chain; beside it, shorter paths count nothing anyway.
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
    """Inside, a network of positive features is as good as linear, and computes in float64 throughout.

    Whatever normalises features divides all of them by one number that gradients take as given. A tanh lets pass what
    it is given, as a ReLU does: it would stop all flow. And what asks for single precision gets double.
    """

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in _NORMALISATIONS:
            features = args[0]
            return features / features.detach().abs().mean().clamp_min(torch.finfo(features.dtype).tiny)
        if function in _SATURATING:
            return args[0]
        if function is Tensor.float:
            return args[0].double()
        precise = [torch.float64 if one is torch.float32 else one for one in args]
        named = {name: torch.float64 if one is torch.float32 else one for name, one in (kwargs or {}).items()}
        return function(*precise, **named)
