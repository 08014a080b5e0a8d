"""Layers with a skip around them, whose last layer starts at zero."""

from torch import Tensor, nn

from search_spaces.layers.initialisation import keep_variance


class Residual(nn.Module):
    """Adds the output of its layers to the features."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → the same shape."""
        return features + self.body(features)


def skipped(*layers: nn.Module, last: nn.Module | None = None) -> Residual:
    """Return the layers with a skip around them. `last`, by default the last layer, starts at zero."""
    block = Residual(*layers)
    keep_variance(block)
    zero_parameters(last or layers[-1])
    return block


def zero_parameters(layer: nn.Module) -> None:
    """Set all parameters of a layer to zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
