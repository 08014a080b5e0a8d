from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nas.errors import InputError
from nas.features import read_classifier
from nas.training.losses import Batch, Criterion
from nas.training.options import Features

Make = Callable[..., Criterion]


def test_it_is_the_weighted_difference_of_the_layers_before_their_relu(
    make: Make, classifier: Path, batch: Batch
) -> None:
    features = Features(weights=str(classifier), layers={"conv1_2": 0.25, "conv2_1": 2.0})
    network = read_classifier(classifier).features(["conv1_2", "conv2_1"])
    ours, theirs = network(batch.sr), network(batch.hr)
    expected = sum(w * (ours[name] - theirs[name]).abs().mean() for name, w in features.layers.items())
    torch.testing.assert_close(make("perceptual", features=features)(batch), expected)


def test_without_the_weights_it_says_what_is_missing_and_what_to_leave_out(make: Make, tmp_path: Path) -> None:
    features = Features(weights=str(tmp_path / "gone.pth"))
    with pytest.raises(InputError, match=r"no file '.*gone\.pth'; name your file .* or leave 'perceptual' out of the"):
        make("perceptual", features=features)
