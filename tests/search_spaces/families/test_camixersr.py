import pytest
import torch
from torch.nn import functional as F

from nas.cost import screening_cost
from search_spaces import SPACES, Architecture, Choices
from search_spaces.families.camixersr import CaMixerForward

SPACE = SPACES.get("camixersr")
TINY: Choices = {**SPACE.smallest, "attended_percent": 50}


def test_a_network_computes_the_same_in_training_and_after() -> None:
    network, image = SPACE.build(TINY, 2, 1), torch.rand(2, 1, 20, 30)
    assert torch.allclose(network.train()(image), network.eval()(image), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_attention_is_paid_for_the_share_alone(channels: int) -> None:
    """23·40 windows of 16x16 pixels: two projections and two products each."""
    point = Architecture.published("camixersr/CAMixerSR-S", 2, channels)
    half, whole = (screening_cost(point.replaced(attended_percent=share)) for share in (50, 100))
    pixels, width = 16 * 16, 36
    assert whole.macs - half.macs == 20 * 460 * pixels * width * (2 * width + 2 * pixels)
    assert whole.params == half.params


def test_the_feed_forward_gates_one_half_by_the_other() -> None:
    layer = CaMixerForward(4, 2)
    x = torch.randn(1, 4, 5, 6)
    gate, value = F.conv2d(layer.project_in(x), layer.depthwise.weight, padding=1, groups=16).split(8, dim=1)
    assert torch.allclose(layer(x), layer.project_out(F.gelu(gate) * value), atol=1e-6)
    assert [name for name, _ in layer.named_parameters()] == [
        f"{m}.weight" for m in ("project_in", "depthwise", "project_out")
    ]


def test_the_authors_names_are_ours() -> None:
    theirs = [
        f"{module}.{part}"
        for module in ("head", "global_predictor.0", "global_predictor.2", "body_tail", "tail.0")
        for part in ("weight", "bias")
    ]
    mixer = (
        "project_v project_q project_k conv_sptial.0 conv_sptial.1 project_out route.in_conv.0 route.in_conv.1 "
        "route.out_offsets.0 route.out_offsets.2 route.out_mask.0 route.out_mask.2 route.out_CA.1 route.out_SA.0"
    )
    for group in range(4):
        block = f"body.{group}.body.0"
        modules = [f"{block}.norm1", f"{block}.norm2", *(f"{block}.mixer.{m}" for m in mixer.split())]
        theirs += [f"{m}.{part}" for m in (*modules, f"body.{group}.body_tail") for part in ("weight", "bias")]
        theirs += [f"{block}.ffn.{m}.weight" for m in ("project_in", "dwconv", "project_out")]
    ours = SPACE.build(TINY, 2, 3).state_dict()
    assert set(SPACE.translate({name: torch.empty(0) for name in theirs}, 2, 3)) == set(ours)
