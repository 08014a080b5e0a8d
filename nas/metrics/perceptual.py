"""LPIPS: how different two images look to a classifier of photographs.

The classifier's weights are a file that the user names (see `nas.features`); the weights of the comparison, which were
fitted to human judgements, come with torchmetrics.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from nas.errors import InputError
from nas.features import FeatureNetwork, read_classifier
from nas.metrics.metric import METRICS, LearnedMetric, Metric
from nas.weights import read_state

NAME, LABEL = "lpips", "LPIPS"

_LAYERS: Mapping[str, tuple[str, ...]] = {
    "alexnet": ("relu1", "relu2", "relu3", "relu4", "relu5"),
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "squeezenet1_1": ("relu1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9"),
}
"""Which layers of a classifier are compared."""

_HEADS = {"alexnet": "alex", "vgg16": "vgg", "squeezenet1_1": "squeeze"}
"""The files in torchmetrics' wheel."""

_TINY = 1e-10
"""Keeps the direction of features that are all zero defined."""


class LPIPS:
    """Learned perceptual image patch similarity, version 0.1 (Zhang et al. 2018, arXiv:1801.03924): 0 for equal images.

    The features of each layer are brought to length 1 over the channels; their squared differences are weighted by
    channel, summed, and averaged over the image; the layers are summed.
    """

    def __init__(self, features: FeatureNetwork, weights: tuple[Tensor, ...]) -> None:
        self._features, self._weights = features, weights

    def __call__(self, sr: Tensor, hr: Tensor, peak: float) -> Tensor:
        """One figure an image; gray is shown as colour.

        An image with levels beyond the peak, where that is a range in use, is moved down to begin at black.
        """
        network = self._features.to(sr.device)
        darkest, brightest = hr.amin((1, 2, 3), keepdim=True), hr.amax((1, 2, 3), keepdim=True)
        black = torch.where(brightest > peak, darkest, 0)
        ours, theirs = (network(((image - black) / peak).float()) for image in (sr, hr))
        distance = torch.zeros(len(sr), dtype=sr.dtype, device=sr.device)
        for layer, weights in zip(network.wanted, self._weights, strict=True):
            difference = (_direction(ours[layer]) - _direction(theirs[layer])).square()
            distance += (difference * weights.to(sr.device)).sum(1).mean((1, 2))
        return distance


def _direction(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + _TINY)


def load_lpips(file: Path) -> Metric:
    """LPIPS by the classifier whose weights are in `file`: AlexNet, VGG-16 or SqueezeNet 1.1.

    Raises InputError for another file, and when torchmetrics isn't there.
    """
    classifier = read_classifier(file)
    if classifier.name not in _LAYERS:
        raise InputError(f"{file} holds {classifier.name}, but LPIPS is fitted to {', '.join(_LAYERS)} alone.")
    features = classifier.features(_LAYERS[classifier.name])
    label = f"{LABEL} ({classifier.name})"
    return Metric(NAME, label, "", False, LPIPS(features, _weights(classifier.name)), least_side=32)


def _weights(classifier: str) -> tuple[Tensor, ...]:
    """The weights of the channels of each layer, [1, C, 1, 1]."""
    # Found without importing torchmetrics, which would import any torchvision, and some don't fit their torch.
    found = importlib.util.find_spec("torchmetrics")
    if found is None or found.origin is None:
        raise InputError(
            "LPIPS needs weights that come with torchmetrics; pip install -c constraints.txt -e '.[lpips]'."
        )
    folder = Path(found.origin).parent / "functional" / "image" / "lpips_models"
    state = read_state(folder / f"{_HEADS[classifier]}.pth")
    return tuple(state[f"lin{index}.model.1.weight"] for index in range(len(_LAYERS[classifier])))


METRICS.add(
    NAME,
    LearnedMetric(
        NAME,
        LABEL,
        "a file of AlexNet's, VGG-16's or SqueezeNet's weights, which can't be shipped; name it by --lpips-weights",
        load_lpips,
    ),
)
