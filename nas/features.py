"""The features of classifiers of photographs, which perceptual metrics and losses compare.

The weights can't be shipped. The user names a file in torchvision's layout (`alexnet-owt-7be5be79.pth`,
`vgg16-397923af.pth`, `vgg19-dcbb9e9d.pth`, `squeezenet1_1-b8a52dc0.pth`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.errors import InputError
from nas.weights import State, read_state
from search_spaces.registry import unknown_name

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and deviation of ImageNet's colours in 0..1, with which the classifiers were trained."""

_PREFIX = "features."
"""Prefix of the convolutional part in torchvision's state dicts. The rest classifies and isn't needed."""

Layers = dict[str, nn.Module]
"""Name in the literature → layer, in torchvision's order."""


class _Fire(nn.Module):
    """Squeezes to few channels, then expands them with two parallel convolutions."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], dim=1)


def _vgg(convolutions: Sequence[int]) -> Layers:
    """Return VGG (Simonyan & Zisserman 2014, arXiv:1409.1556) with these numbers of convolutions in its five blocks."""
    layers: Layers = {}
    inputs = 3
    for block, (width, count) in enumerate(zip((64, 128, 256, 512, 512), convolutions, strict=True), start=1):
        for number in range(1, count + 1):
            layers[f"conv{block}_{number}"] = nn.Conv2d(inputs, width, 3, padding=1)
            layers[f"relu{block}_{number}"] = nn.ReLU()
            inputs = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


def _alexnet() -> Layers:
    """Return AlexNet (Krizhevsky 2014, arXiv:1404.5997)."""
    return {
        "conv1": nn.Conv2d(3, 64, 11, stride=4, padding=2),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(3, 2),
        "conv2": nn.Conv2d(64, 192, 5, padding=2),
        "relu2": nn.ReLU(),
        "pool2": nn.MaxPool2d(3, 2),
        "conv3": nn.Conv2d(192, 384, 3, padding=1),
        "relu3": nn.ReLU(),
        "conv4": nn.Conv2d(384, 256, 3, padding=1),
        "relu4": nn.ReLU(),
        "conv5": nn.Conv2d(256, 256, 3, padding=1),
        "relu5": nn.ReLU(),
        "pool5": nn.MaxPool2d(3, 2),
    }


def _squeezenet() -> Layers:
    """Return SqueezeNet 1.1 (Iandola et al. 2016, arXiv:1602.07360)."""
    return {
        "conv1": nn.Conv2d(3, 64, 3, stride=2),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(3, 2, ceil_mode=True),
        "fire2": _Fire(64, 16, 64),
        "fire3": _Fire(128, 16, 64),
        "pool3": nn.MaxPool2d(3, 2, ceil_mode=True),
        "fire4": _Fire(128, 32, 128),
        "fire5": _Fire(256, 32, 128),
        "pool5": nn.MaxPool2d(3, 2, ceil_mode=True),
        "fire6": _Fire(256, 48, 192),
        "fire7": _Fire(384, 48, 192),
        "fire8": _Fire(384, 64, 256),
        "fire9": _Fire(512, 64, 256),
    }


CLASSIFIERS: Mapping[str, Callable[[], Layers]] = {
    "alexnet": _alexnet,
    "vgg16": partial(_vgg, (2, 2, 3, 3, 3)),
    "vgg19": partial(_vgg, (2, 2, 4, 4, 4)),
    "squeezenet1_1": _squeezenet,
}
"""Name in torchvision → function that returns the layers."""


class FeatureNetwork(nn.Module):
    """The layers of a classifier up to the last wanted layer. They are frozen, but gradients reach the images.

    Raises InputError, with the nearest name, for a layer that the classifier doesn't have.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, classifier: str, layers: Sequence[str]) -> None:
        super().__init__()
        known = CLASSIFIERS[classifier]()
        for name in layers:
            if name not in known:
                raise InputError(str(unknown_name(f"layer of {classifier}", name, known)))
        self.classifier, self.wanted = classifier, tuple(layers)
        self.names = tuple(known)[: max(list(known).index(name) for name in layers) + 1]
        self.layers = nn.Sequential(*(known[name] for name in self.names))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """[N, 1 or 3, H, W] in 0..1 → activations [N, C, h, w] by layer. Gray is shown in three equal channels."""
        x = (images.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        found = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            x = layer(x)
            if name in self.wanted:
                found[name] = x
        return {name: found[name] for name in self.wanted}


@dataclass(frozen=True)
class Classifier:
    """The convolutional weights of a classifier."""

    name: str
    """A name of `CLASSIFIERS`."""
    state: State
    """Name in torchvision without `features.`, such as `0.weight` → tensor."""

    def features(self, layers: Sequence[str]) -> FeatureNetwork:
        """Return a network with these weights that returns the activations of `layers`, such as `conv5_4`.

        `conv` layers are before the ReLU, `relu` layers after it. Raises InputError for an unknown layer.
        """
        network = FeatureNetwork(self.name, layers)
        network.layers.load_state_dict({name: self.state[name] for name in network.layers.state_dict()})
        return network


def read_classifier(path: Path) -> Classifier:
    """Read the weights of one of `CLASSIFIERS`, recognised by the shapes. Raises InputError for another file."""
    if not path.is_file():
        raise InputError(f"There is no file '{path}' with the weights of a classifier.")
    state = {n.removeprefix(_PREFIX): t for n, t in read_state(path).items() if n.startswith(_PREFIX)}
    shapes = {name: tensor.shape for name, tensor in state.items()}
    for name, build in CLASSIFIERS.items():
        with torch.device("meta"):
            expected = nn.Sequential(*build().values()).state_dict()
        if shapes == {key: tensor.shape for key, tensor in expected.items()}:
            return Classifier(name, state)
    raise InputError(f"{path} must hold the weights of one of {', '.join(CLASSIFIERS)} in torchvision's layout.")
