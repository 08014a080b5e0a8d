"""LPIPS: the difference of two images in the features of a classifier of photographs.

The user names the file with the weights of the classifier (see `nas.features`). The weights of the comparison, which
were fitted to human judgements, come with torchmetrics.
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
"""Classifier → the layers that are compared."""

_HEADS = {"alexnet": "alex", "vgg16": "vgg", "squeezenet1_1": "squeeze"}
"""Classifier → the name of the file in torchmetrics."""

_TINY = 1e-10
"""Added to the length of features, so that zero features have a defined direction."""


class LPIPS:
    """Learned perceptual image patch similarity, version 0.1 (Zhang et al. 2018, arXiv:1801.03924): 0 for equal images.

    The features of each layer are normalised to length 1 over the channels. Their squared differences are weighted by
    channel, summed over the channels, averaged over the image, and summed over the layers.
    """

    def __init__(self, features: FeatureNetwork, weights: tuple[Tensor, ...]) -> None:
        self._features, self._weights = features, weights

    def __call__(self, sr: Tensor, hr: Tensor, peak: float) -> Tensor:
        """Return a figure for each image. A gray image is shown in three equal channels.

        If levels are above the peak (the peak may be a range in use), the image is shifted so that it begins at black.
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
    """Return LPIPS with the classifier in `file`: AlexNet, VGG-16 or SqueezeNet 1.1.

    Raises InputError for another file, and if torchmetrics isn't installed.
    """
    classifier = read_classifier(file)
    if classifier.name not in _LAYERS:
        raise InputError(f"{file} holds {classifier.name}, but LPIPS is fitted only to {', '.join(_LAYERS)}.")
    features = classifier.features(_LAYERS[classifier.name])
    label = f"{LABEL} ({classifier.name})"
    return Metric(NAME, label, "", False, LPIPS(features, _weights(classifier.name)), least_side=32)


def _weights(classifier: str) -> tuple[Tensor, ...]:
    """Return the weights of the channels of each layer, [1, C, 1, 1]."""
    # Found without importing torchmetrics, because that imports torchvision, which may not fit the installed torch.
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
