"""A network for colour images, wrapped as a network for gray images."""

from torch import Tensor, nn

COLOURS = 3


class InGray(nn.Module):
    """Shows a gray image in all colours, and returns the mean colour of the output."""

    def __init__(self, network: nn.Module, channels: int = COLOURS) -> None:
        super().__init__()
        self.network = network
        self._channels = channels

    def forward(self, image: Tensor) -> Tensor:
        """[N, 1, h, w] → the mean over the channels of the network's output, [N, 1, H, W]."""
        colour: Tensor = self.network(image.expand(-1, self._channels, -1, -1))
        return colour.mean(dim=1, keepdim=True)
