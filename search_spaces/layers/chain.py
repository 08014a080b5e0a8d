"""A plain chain of convolutions, the form of DnCNN and of the denoisers that followed it."""

from torch import nn

from search_spaces.layers.activation import activation
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance

EPSILON = 1e-4
"""Epsilon of the batch normalisations, as in the code of DnCNN's authors."""


def chain(inputs: int, outputs: int, layers: int, width: int, act: str, *, batch_norm: bool = False) -> nn.Sequential:
    """Return `layers` convolutions 3x3 with an activation after each but the last: `inputs` channels → `outputs`.

    With `batch_norm`, all but the first and the last are batch-normalised. The modules of the sequence are the
    convolutions, normalisations and activations themselves.
    """
    modules: list[nn.Module] = [conv(inputs, width), activation(act, width)]
    for _ in range(layers - 2):
        norm = [nn.BatchNorm2d(width, eps=EPSILON)] if batch_norm else []
        modules += [conv(width, width), *norm, activation(act, width)]
    network = nn.Sequential(*modules, conv(width, outputs))
    keep_variance(network)
    return network
