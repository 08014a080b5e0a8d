"""Count a published network in the way a claim was counted: in which form, and by which rules."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from search_spaces import SPACES, Claim
from search_spaces.layers.edge_conv import EdgeBranch, EdgeConv
from search_spaces.layers.fixed_filter import FixedFilter
from search_spaces.layers.fused import fused
from search_spaces.layers.window import PositionBias
from search_spaces.published import Counting, Rule, Size
from search_spaces.shapes import Shapes

aten = torch.ops.aten


@dataclass(frozen=True)
class Operation:
    """An operator that ran, and its costs."""

    kind: Any
    macs: int
    result: Tensor
    args: Sequence[Any]

    @property
    def is_attention(self) -> bool:
        return self.kind in (aten.bmm, aten.baddbmm)

    @property
    def is_depthwise(self) -> bool:
        return self.kind is aten.convolution and self.args[8] > 1

    @property
    def is_pointwise(self) -> bool:
        return self.kind is aten.convolution and self.args[1].shape[2:] == (1, 1)


class Recorder(Shapes):
    """Records every operator that costs something by some rule."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.filters = 0  # how many fixed filters run now; papers count no interpolation

    def see(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        kind = function._overloadpacket
        formula = flop_registry.get(kind)
        macs = int(formula(*args, **kwargs, out_val=result)) // 2 if formula else 0
        output = result[0] if isinstance(result, tuple) else result
        if self.filters:
            return
        if macs or kind in (aten.native_layer_norm, aten.native_batch_norm, aten._softmax):
            self.operations.append(Operation(kind, macs, output, args))


@dataclass(frozen=True)
class Form:
    """A network in one of its forms: as it trains, or fused."""

    point: str
    scale: int
    counting: Counting

    def build(self) -> nn.Module:
        """Return the network on the meta device, fused unless it is counted as it trains."""
        space_name, _, point = self.point.partition("/")
        space = SPACES.get(space_name)
        choices = {**space.published[point].choices, **self.counting.replaced}
        with torch.device("meta"):
            network = space.network(choices, self.scale, self.counting.channels)
            return network.eval() if Rule.TRAINING in self.counting.rules else fused(network).eval()


def params(point: str, claim: Claim) -> int:
    """Count parameters by the rules of the claim."""
    form = _form(point, claim, claim.params_counted)
    rules = form.counting.rules
    total = _params(form.build(), rules)
    if Rule.ALL_TAILS in rules:
        for scale in {2, 3, 4} - {form.scale}:
            total += _params(replace(form, scale=scale).build().upsample, rules)
    return _rounded(total * form.counting.factor, form.counting)


def _params(network: nn.Module, rules: Sequence[Rule]) -> int:
    total = sum(parameter.numel() for parameter in network.parameters())
    for module in network.modules():
        if Rule.NO_BIASES in rules and isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            total -= module.bias.numel()
        if Rule.NO_SLOPES in rules and isinstance(module, nn.PReLU):
            total -= module.weight.numel()
        if Rule.NO_POSITION_BIASES in rules and isinstance(module, PositionBias):
            total -= module.table.numel()
        if Rule.TRAINING in rules and isinstance(module, EdgeBranch):
            # The authors keep one filter per channel, and give the 1x1 before it a bias without effect.
            total += (module.mask.numel() + 1) * len(module.bias)
    return total


def macs(point: str, claim: Claim) -> int:
    """Count multiply-adds by the rules of the claim."""
    form = _form(point, claim, claim.macs_counted)
    counting = form.counting
    size = counting.lr or claim.lr or (claim.hr[0] // form.scale, claim.hr[1] // form.scale)
    network = form.build()
    total = _training_macs(network, size) if Rule.TRAINING in counting.rules else _whole(network, size, counting)
    return _rounded(total * counting.factor, counting)


def _whole(network: nn.Module, size: Size, counting: Counting) -> int:
    width, height = size
    recorder = Recorder()
    for module in network.modules():
        if isinstance(module, FixedFilter):
            module.register_forward_pre_hook(lambda *_: setattr(recorder, "filters", 1))
            module.register_forward_hook(lambda *_: setattr(recorder, "filters", 0))
    with torch.no_grad(), recorder:
        network(torch.empty(1, counting.channels, height, width, device="meta"))
    total = sum(_macs(operation, size, counting.rules) for operation in recorder.operations)
    if Rule.NO_PADDING in counting.rules:
        padded = [math.ceil(side / network.multiple) * network.multiple for side in size]
        total = total * width * height // (padded[0] * padded[1])
    return total


def _macs(operation: Operation, size: Size, rules: Sequence[Rule]) -> int:
    total = operation.macs
    if operation.is_attention and Rule.NO_ATTENTION in rules:
        return 0
    if operation.is_depthwise and Rule.FREE_SHIFTS in rules:
        return 0
    if Rule.NORMS in rules:
        if operation.kind in (aten.native_layer_norm, aten.native_batch_norm):
            return 4 * operation.result.numel()  # subtract, divide, multiply, add
        if operation.kind is aten._softmax:
            row = operation.result.shape[-1]  # an exponential and a division per element, and the sum
            return operation.result.numel() // row * (3 * row - 1)
    if Rule.TRANSPOSED_AT_OUTPUT in rules and operation.kind is aten.convolution and operation.args[6]:
        return total * math.prod(operation.args[3])
    if Rule.COARSE_AT_FULL_SIZE in rules and operation.is_pointwise:
        return total * size[0] * size[1] // math.prod(operation.result.shape[2:])
    if Rule.TWO_PER_MULTIPLY_ADD in rules and not operation.is_attention:
        return 2 * total
    return total


def _training_macs(network: nn.Module, size: Size) -> int:
    """Count every branch of a network of `EdgeConv`; its fixed filters are depthwise convolutions."""
    weights = 0
    for module in network.modules():
        if isinstance(module, EdgeConv):
            weights += sum(layer.weight.numel() for layer in (module.plain, module.widen, module.narrow))
        if isinstance(module, EdgeBranch):
            weights += module.mix.weight.numel() + module.mask.numel() * len(module.bias)
    return weights * size[0] * size[1]


def _form(point: str, claim: Claim, counting: Counting) -> Form:
    return Form(counting.network or point, counting.scale or claim.scale, counting)


def _rounded(count: int, counting: Counting) -> int:
    return round(count / counting.rounded_to) * counting.rounded_to
