"""Convolutions that train with edge filters or through a wide intermediate, and deploy as one plain convolution."""

import torch
from torch import Tensor, nn

from search_spaces.layers.collapsible import Collapsible
from search_spaces.layers.conv import bias_of, conv

FILTERS = {
    "sobel_x": ((1.0, 0.0, -1.0), (2.0, 0.0, -2.0), (1.0, 0.0, -1.0)),
    "sobel_y": ((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -2.0, -1.0)),
    "laplacian": ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0)),
}
"""The fixed edge filters by name."""


class EdgeBranch(nn.Module):
    """A 1x1 convolution, then a fixed edge filter with a learned gain and bias per channel.

    The 1x1 has no bias, since the filters sum to zero. The gain starts near zero, as in the authors' code.
    """

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, name: str) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor(FILTERS[name]), persistent=False)
        self.mix = conv(inputs, outputs, 1, bias=False)
        self.gain = nn.Parameter(1e-3 * torch.randn(outputs, 1, 1, 1))
        self.bias = nn.Parameter(1e-3 * torch.randn(outputs))

    @property
    def weight(self) -> Tensor:
        """The weight [outputs, inputs, 3, 3] of the 1x1 and the filter together."""
        return self.mix.weight * self.gain * self.mask


class EdgeBranches(nn.ModuleDict):
    """A branch for each edge filter, by name. Their sum is computed at once, since many small steps take long."""

    masks: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__({name: EdgeBranch(inputs, outputs, name) for name in FILTERS})
        self.register_buffer("masks", torch.tensor(list(FILTERS.values())).flatten(1), persistent=False)

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, 3, 3] and the bias [outputs] of all branches together."""
        branches = self.branches()
        mixes = torch.cat([branch.mix.weight for branch in branches], 2)  # [outputs, inputs, branches, 1]
        gains = torch.cat([branch.gain for branch in branches], 2)
        weight = ((mixes * gains).squeeze(3) @ self.masks).unflatten(2, (3, 3))
        return weight, torch.stack([branch.bias for branch in branches]).sum(0)

    def branches(self) -> list[EdgeBranch]:
        """Return the branches in the order of `FILTERS`."""
        return [branch for branch in self.values() if isinstance(branch, EdgeBranch)]


class EdgeConv(Collapsible):
    """The edge-oriented convolution of ECBSR: the sum of a 3x3, a 1x1 followed by a 3x3, and three edge branches.

    The 1x1 widens to `expansion` times the outputs. With `identity`, the input is added, too, if the block has equally
    many inputs and outputs.
    """

    def __init__(self, inputs: int, outputs: int, *, expansion: int = 2, identity: bool = False) -> None:
        super().__init__(inputs, outputs, kernel=3)
        self.plain = conv(inputs, outputs, 3)
        self.widen = conv(inputs, expansion * outputs, 1)
        self.narrow = conv(expansion * outputs, outputs, 3)
        self.edges = EdgeBranches(inputs, outputs)
        self.identity = identity and inputs == outputs

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, 3, 3] and the bias [outputs] of the equivalent convolution."""
        weight, bias = merged_pair(self.widen, self.narrow)
        edge_weight, edge_bias = self.edges.merged()
        weight, bias = weight + self.plain.weight + edge_weight, bias + bias_of(self.plain) + edge_bias
        return weight + unit_weight(weight) if self.identity else weight, bias

    def absorb(self, weight: Tensor, bias: Tensor) -> None:
        """Set the 3x3 branch so that `merged` gives this weight and bias; the other branches keep their weights."""
        absorb_into(self.plain, self, weight, bias)

    def output_parameters(self) -> nn.ParameterList:
        """Return the last parameters of each branch; see `Collapsible`. Not for a block with an identity."""
        parameters = [*self.plain.parameters(), *self.narrow.parameters()]
        for branch in self.edges.branches():
            parameters += [branch.gain, branch.bias]
        return nn.ParameterList(parameters)


class ExpandedConv(Collapsible):
    """A k x k convolution to a wide intermediate, then directly a 1x1 (SESR, arXiv 2103.09404).

    With `identity`, the input is added, too, if the block has equally many inputs and outputs.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, intermediate: int = 256, identity: bool = False
    ) -> None:
        super().__init__(inputs, outputs, kernel)
        intermediate = max(intermediate, outputs)
        self.widen = conv(inputs, intermediate, kernel, bias=False)  # the bias of `narrow` covers it
        self.narrow = conv(intermediate, outputs, 1)
        self.identity = identity and inputs == outputs

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, kernel, kernel] and the bias [outputs] of the equivalent convolution."""
        weight, bias = merged_pair(self.widen, self.narrow)
        return weight + unit_weight(weight) if self.identity else weight, bias

    def absorb(self, weight: Tensor, bias: Tensor) -> None:
        """Set `widen` and the bias of `narrow` by the least change so that `merged` gives this weight and bias."""
        with torch.no_grad():
            lacking = (weight - self.merged()[0]).flatten(1)
            change = torch.linalg.pinv(self.narrow.weight.flatten(1)) @ lacking
            self.widen.weight += change.view_as(self.widen.weight)
            bias_of(self.narrow).copy_(bias)

    def output_parameters(self) -> nn.ParameterList:
        """Return the parameters of the 1x1; see `Collapsible`. Not for a block with an identity."""
        return nn.ParameterList(self.narrow.parameters())


def merged_pair(first: nn.Conv2d, second: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Return the weight and the bias of one convolution that equals two in a row, one of them 1x1.

    Exact if the intermediate image is padded with the bias of the first convolution, or if this bias is zero.
    """
    inner, outer = first.weight, second.weight
    if inner.shape[-1] == 1:
        weight = (outer.permute(0, 2, 3, 1) @ inner.flatten(1)).permute(0, 3, 1, 2)
    else:
        weight = (outer.flatten(1) @ inner.flatten(1)).view(len(outer), *inner.shape[1:])
    bias = torch.zeros_like(weight[:, 0, 0, 0]) if second.bias is None else second.bias
    return weight, bias if first.bias is None else bias + second.weight.sum((2, 3)) @ first.bias


def unit_weight(weight: Tensor) -> Tensor:
    """Return the weight of the identity convolution, in the shape [n, n, k, k] of `weight`."""
    channels, _, kernel, _ = weight.shape
    centre = torch.zeros(kernel, kernel, dtype=weight.dtype, device=weight.device)
    centre[kernel // 2, kernel // 2] = 1
    return torch.einsum("oi,kl->oikl", torch.eye(channels, dtype=weight.dtype, device=weight.device), centre)


def absorb_into(branch: nn.Conv2d, block: Collapsible, weight: Tensor, bias: Tensor) -> None:
    """Change a k x k branch of `block` so that the block's merged weight and bias are `weight` and `bias`."""
    with torch.no_grad():
        merged_weight, merged_bias = block.merged()
        branch.weight += weight - merged_weight
        bias_of(branch).add_(bias - merged_bias)
