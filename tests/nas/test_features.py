from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.errors import InputError
from nas.features import CLASSIFIERS, DEVIATION, MEAN, FeatureNetwork, read_classifier

LAST = {"alexnet": "relu5", "vgg16": "relu5_3", "vgg19": "conv5_4", "squeezenet1_1": "fire9"}
SIZES = {"alexnet": 2_469_696, "vgg16": 14_714_688, "vgg19": 20_024_384, "squeezenet1_1": 722_496}
"""Parameters of the convolutional parts, counted on torchvision 0.28.0."""

Save = Callable[[str], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Return a function that writes random weights in torchvision's layout, with a piece of the classifier."""

    def saved(name: str) -> Path:
        torch.manual_seed(0)
        state = nn.Sequential(*CLASSIFIERS[name]().values()).state_dict()
        state = {f"features.{key}": tensor for key, tensor in state.items()}
        torch.save(state | {"classifier.1.bias": torch.zeros(1000)}, tmp_path / f"{name}.pth")
        return tmp_path / f"{name}.pth"

    return saved


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_each_classifier_is_as_large_as_torchvisions(name: str) -> None:
    with torch.device("meta"):
        layers = nn.Sequential(*CLASSIFIERS[name]().values())
    assert sum(p.numel() for p in layers.parameters()) == SIZES[name]


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1"])
def test_a_file_is_told_by_its_shapes_and_its_weights_are_used(name: str, save: Save) -> None:
    classifier = read_classifier(save(name))
    assert classifier.name == name
    last = LAST[name]
    network = classifier.features([last])
    images = torch.rand(1, 3, 67, 71)
    x = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    layers = CLASSIFIERS[name]()
    nn.Sequential(*layers.values()).load_state_dict(dict(classifier.state))
    for layer in list(layers.values())[: list(layers).index(last) + 1]:
        x = layer(x)
    torch.testing.assert_close(network(images)[last], x)


def test_a_gray_image_is_one_of_three_equal_colours() -> None:
    network = FeatureNetwork("squeezenet1_1", ["relu1"])
    gray = torch.rand(2, 1, 32, 32)
    assert torch.equal(network(gray)["relu1"], network(gray.repeat(1, 3, 1, 1))["relu1"])


def test_layers_come_in_the_order_they_are_asked_for_and_no_deeper_one_is_kept() -> None:
    network = FeatureNetwork("vgg19", ["relu1_2", "conv1_2"])
    assert len(network.layers) == 4
    features = network(torch.rand(1, 3, 16, 16))
    assert list(features) == ["relu1_2", "conv1_2"]
    assert torch.equal(features["conv1_2"].relu(), features["relu1_2"])
    assert features["conv1_2"].min() < 0


def test_gradients_reach_the_images_alone() -> None:
    network = FeatureNetwork("alexnet", ["relu2"])
    images = torch.rand(1, 1, 48, 48, requires_grad=True)
    network(images)["relu2"].sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in network.parameters())


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(InputError, match="no layer of vgg19 named 'conv5-4'; did you mean 'conv5_4'"):
        FeatureNetwork("vgg19", ["conv5-4"])


def test_files_that_hold_no_classifier_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file '.*gone\.pth' with the weights of a classifier"):
        read_classifier(tmp_path / "gone.pth")
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth must hold the weights of one of alexnet, vgg16, vgg19"):
        read_classifier(tmp_path / "other.pth")
