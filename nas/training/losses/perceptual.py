"""The perceptual loss: the difference between features that a classifier of photographs computes."""

import functools
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from nas.errors import InputError
from nas.features import read_classifier
from nas.training.losses.loss import Batch, Setting, loss
from nas.training.options import Features


@loss("perceptual")
class Perceptual:
    """Weighted mean absolute differences of feature maps (Johnson et al., 1603.08155; ESRGAN, 1809.00219)."""

    def __init__(self, setting: Setting) -> None:
        options = setting.features
        classifier = read_classifier(classifier_file(options))
        self._weights = options.layers
        self._network = classifier.features(list(options.layers)).to(setting.device)
        self._autocast = setting.autocast

    def __call__(self, batch: Batch) -> Tensor:
        """Return the loss. The features of HR get no gradient."""
        with self._autocast():
            ours, theirs = self._network(batch.sr), self._network(batch.hr)
        terms = (weight * F.l1_loss(ours[name].float(), theirs[name].float()) for name, weight in self._weights.items())
        return functools.reduce(torch.add, terms)


def classifier_file(features: Features) -> Path:
    """Return the file of the classifier's weights. Raises InputError if there is no such file."""
    path = Path(features.weights)
    if not path.is_file():
        raise InputError(
            f"The loss 'perceptual' needs the weights of a classifier such as VGG19, but there is no file '{path}'; "
            "name your file (in torchvision's layout) as 'weights' in the recipe's 'features', or leave 'perceptual' "
            "out of the recipe's 'losses'."
        )
    return path
