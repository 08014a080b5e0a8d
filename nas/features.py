"""What VGG19, a classifier of photographs, sees in an image: the features that the perceptual loss compares.

The weights can't be shipped: they are a file in torchvision's layout that the user names (`vgg19-dcbb9e9d.pth`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.errors import InputError
from search_spaces.registry import unknown_name

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's colours in 0..1, which the classifier was trained with."""


def _vgg19() -> dict[str, nn.Module]:
    """Simonyan & Zisserman 2014 (arXiv:1409.1556)."""
    layers: dict[str, nn.Module] = {}
    inputs = 3
    for block, (width, count) in enumerate(zip((64, 128, 256, 512, 512), (2, 2, 4, 4, 4), strict=True), start=1):
        for number in range(1, count + 1):
            layers[f"conv{block}_{number}"] = nn.Conv2d(inputs, width, 3, padding=1)
            layers[f"relu{block}_{number}"] = nn.ReLU()
            inputs = width
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


CLASSIFIERS = {"vgg19": _vgg19}
"""What is known, by torchvision's names."""


class FeatureNetwork(nn.Module):
    """The layers of a classifier up to the last that is wanted; frozen, but gradients pass through to the images.

    Raises InputError for a layer that the classifier hasn't, naming the nearest.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, classifier: str, layers: Sequence[str]) -> None:
        super().__init__()
        known = CLASSIFIERS[classifier]()
        if missing := next((name for name in layers if name not in known), None):
            raise InputError(str(unknown_name(f"layer of {classifier}", missing, known)))
        self.wanted = tuple(layers)
        self.names = tuple(known)[: max(list(known).index(name) for name in layers) + 1]
        self.layers = nn.Sequential(*(known[name] for name in self.names))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """[N, 1 or 3, H, W] in 0..1 → the activations [N, C, h, w] of each wanted layer; gray is shown as colour."""
        x = (images.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        found = {}
        for name, layer in zip(self.names, self.layers, strict=True):
            x = layer(x)
            if name in self.wanted:
                found[name] = x
        return {name: found[name] for name in self.wanted}


@dataclass(frozen=True)
class Classifier:
    """The weights of a classifier, as far as they make features."""

    name: str
    state: dict[str, Tensor]
    """By torchvision's names without `features.`, such as `0.weight`."""

    def features(self, layers: Sequence[str]) -> FeatureNetwork:
        """Return a network of these weights that gives the activations of `layers`, such as `conv5_4`."""
        network = FeatureNetwork(self.name, layers)
        network.layers.load_state_dict({name: self.state[name] for name in network.layers.state_dict()})
        return network


def read_classifier(path: Path) -> Classifier:
    """Read the weights of VGG19. Raises InputError for another file."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = {name.removeprefix("features."): t for name, t in state.items() if name.startswith("features.")}
    with torch.device("meta"):
        expected = nn.Sequential(*_vgg19().values()).state_dict()
    if {name: t.shape for name, t in state.items()} != {name: t.shape for name, t in expected.items()}:
        raise InputError(f"{path} holds the weights of none of {', '.join(CLASSIFIERS)} in torchvision's layout.")
    return Classifier("vgg19", state)
