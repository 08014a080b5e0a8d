import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture


def test_the_rectified_features_of_head_and_blocks_go_through_one_upsampler() -> None:
    network = Architecture.published("lesrcnn/LESRCNN").replaced(width=8, blocks=2, refinements=2).build()
    network.shift.mean.zero_()
    image = torch.rand(1, 1, 5, 6)
    head = features = F.relu(F.conv2d(image, network.head.weight, padding=1))
    for block in network.blocks:
        wide = F.relu(F.conv2d(features, block.first.weight, padding=1))
        features = F.relu(features + F.conv2d(wide, block.second.weight))
    up = network.upsample[0]
    large = F.relu(sum(F.pixel_shuffle(F.conv2d(x, up.weight, up.bias, padding=1), 2) for x in (features, head)))
    for i in (0, 2):
        large = F.relu(F.conv2d(large, network.refine[i].weight, padding=1))
    assert torch.allclose(network(image), F.conv2d(large, network.last.weight, padding=1), atol=1e-5)


def test_only_the_upsampler_has_a_bias() -> None:
    biases = [
        name for name, _ in Architecture.published("lesrcnn/LESRCNN").build().named_parameters() if "bias" in name
    ]
    assert biases == ["upsample.0.bias"]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("blind", [False, True])
def test_the_authors_names_are_understood(scale: int, blind: bool) -> None:
    heads = {"up2": (0,), "up3": (0,), "up4": (0, 2)} if blind else {"up": (0, 2) if scale == 4 else (0,)}
    theirs = {f"conv{i}.0.weight": torch.empty(0) for i in (*range(1, 19), "17_1", "17_2", "17_3", "17_4")}
    theirs |= {f"{mean}_mean.shifter.{kind}": torch.empty(0) for mean in ("sub", "add") for kind in ("weight", "bias")}
    for head, steps in heads.items():
        theirs |= {f"upsample.{head}.body.{i}.{k}": torch.empty(0) for i in steps for k in ("weight", "bias")}
    ours = Architecture.published("lesrcnn/LESRCNN", scale, 3).build().state_dict()
    assert SPACES.get("lesrcnn").translate(theirs, scale, 3).keys() == ours.keys()
