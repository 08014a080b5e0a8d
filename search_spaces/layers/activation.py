"""Activations by their names."""

from torch import nn

ACTIVATIONS = ("relu", "leaky", "prelu", "gelu", "silu")

SLOPES = {"leaky": 0.05, "prelu": 0.25}
"""Initial slope for negative values, for the activations in which this slope is not zero."""


def activation(name: str, width: int) -> nn.Module:
    """Return an activation for features of `width` channels; `leaky` has slope 0.05, `prelu` one slope per channel."""
    match name:
        case "relu":
            return nn.ReLU()
        case "leaky":
            return nn.LeakyReLU(SLOPES["leaky"])
        case "prelu":
            return nn.PReLU(width)
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
    raise ValueError(f"There is no activation '{name}'; there are {', '.join(ACTIVATIONS)}.")
