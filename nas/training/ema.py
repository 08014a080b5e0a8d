"""The moving average of a network's weights, which is what a training keeps."""

import copy

import torch
from torch import Tensor, nn


class Average(nn.Module):
    """A copy of a network whose weights are the exponential moving average of the network's; buffers are the last ones.

    The first update copies. Whether there was one is no tensor: `torch.optim.swa_utils.AveragedModel` counts its
    updates in one that it moves to the device at each step, which makes a GPU wait and can't be captured.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(network)
        self._decay = decay
        # Listing them takes longer than averaging those of a small network.
        self._weights = [list[Tensor](each.parameters()) for each in (self.module, network)]
        self._buffer_pairs = list(zip(self.module.buffers(), network.buffers(), strict=True))
        self._begun = False

    def forward(self, image: Tensor) -> Tensor:
        """What the averaged network computes."""
        result: Tensor = self.module(image)
        return result

    @torch.no_grad()
    def update(self) -> None:
        """Take in what the network has become; its parameters and buffers are still the same tensors."""
        mine, theirs = self._weights
        if self._begun:
            torch._foreach_lerp_(mine, theirs, 1 - self._decay)
        else:
            torch._foreach_copy_(mine, theirs)
            self._begun = True
        for kept, new in self._buffer_pairs:
            kept.copy_(new)

    def get_extra_state(self) -> Tensor:
        """Return what the state dictionary says beside the weights: whether there was an update."""
        return torch.tensor(self._begun)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore it."""
        self._begun = bool(state)
