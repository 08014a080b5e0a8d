"""The moving average of a network's weights."""

import copy

import torch
from torch import Tensor, nn


class Average(nn.Module):
    """A copy of a network whose weights are the exponential moving average of the network's weights.

    Buffers are copied, and the first update copies the weights. This class exists because
    `torch.optim.swa_utils.AveragedModel` counts its updates in a tensor that it moves to the device at each step. That
    makes the host wait for a GPU and can't be captured.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(network)
        self._decay = decay
        # Listed once, because listing the weights of a small network takes longer than averaging them.
        self._weights = [list[Tensor](each.parameters()) for each in (self.module, network)]
        self._buffer_pairs = list(zip(self.module.buffers(), network.buffers(), strict=True))
        self._begun = False

    def forward(self, image: Tensor) -> Tensor:
        """Return the output of the averaged network."""
        result: Tensor = self.module(image)
        return result

    @torch.no_grad()
    def update(self) -> None:
        """Add the network's weights to the average. The network must still have the same tensors as parameters."""
        mine, theirs = self._weights
        if self._begun:
            torch._foreach_lerp_(mine, theirs, 1 - self._decay)
        else:
            torch._foreach_copy_(mine, theirs)
            self._begun = True
        for kept, new in self._buffer_pairs:
            kept.copy_(new)

    def get_extra_state(self) -> Tensor:
        """Return whether there was an update, for the state dictionary."""
        return torch.tensor(self._begun)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore whether there was an update."""
        self._begun = bool(state)
