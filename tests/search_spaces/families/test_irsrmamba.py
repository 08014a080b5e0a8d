import pytest
import torch
from torch import nn

from nas.cost import screening_cost
from search_spaces import SPACES, Architecture, Choice
from search_spaces.families.irsrmamba import INFRARED_MEAN

SPACE = SPACES.get("irsrmamba")


def tiny(**replaced: Choice) -> dict[str, Choice]:
    published = SPACE.published["IRSRMamba"].choices
    return {**published, "groups": 1, "blocks": 2, "width": 40, "state": 4, **replaced}


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in network.parameters():
        parameter.data = parameter.data + 0.1 * torch.randn_like(parameter)
    return network.eval()


def test_the_scans_are_counted() -> None:
    """4·360 channels of 16 states at 640x360 pixels in 48 blocks, each updated and read: 510G beside 5758G."""
    scans = 2 * 4 * 360 * 16 * (640 * 360) * 48
    macs = screening_cost(Architecture.published("irsrmamba/IRSRMamba", channels=3)).macs
    assert macs - scans == pytest.approx(5758.4e9, abs=0.05e9)


def test_a_colour_image_is_centred_and_one_channel_is_not() -> None:
    """Without the scans of a body that starts at zero, only the mean is left."""
    for channels, mean in ((3, INFRARED_MEAN[0]), (1, 0.0)):
        network = SPACE.build(tiny(), 2, channels)
        nn.init.zeros_(network.tail.last.weight)
        nn.init.zeros_(network.tail.last.bias)
        assert torch.allclose(network(torch.rand(1, channels, 5, 6)), torch.full((), mean))


def test_a_pixel_is_seen_from_the_other_end_of_the_image() -> None:
    network = randomised(SPACE.build(tiny(wavelet=False), 2, 1))
    image = torch.rand(1, 1, 24, 24, requires_grad=True)
    network(image)[0, 0, 0, 0].backward()
    assert image.grad is not None and image.grad[0, 0, -1, -1] != 0


def test_the_authors_tensors_have_a_place() -> None:
    """Names and shapes as in the authors' code for one group of two blocks of 40 channels with 4 states."""
    inner, rank, state = 80, 3, 4
    front = {
        "small_scale_extractor.conv3x3": (1, 1, 3, 3),
        "large_scale_extractor.dwconv7x7": (1, 1, 7, 7),
        "large_scale_extractor.pointwise": (1, 1, 1, 1),
        "feature_modulation.mapping.conv1": (2, 4, 1, 1),
        "feature_modulation.mapping.conv2": (1, 2, 1, 1),
        "fusion_conv": (1, 2, 1, 1),
    }
    convs = {f"featureFusionmodule.{name}": shape for name, shape in front.items()} | {
        "conv_first": (40, 1, 3, 3),
        "layers.0.conv": (40, 40, 3, 3),
        "conv_after_body": (40, 40, 3, 3),
        "conv_before_upsample.0": (64, 40, 3, 3),
        "upsample.0": (256, 64, 3, 3),
        "upsample.2": (256, 64, 3, 3),
        "conv_last": (1, 64, 3, 3),
    }
    norms = {"patch_embed.norm": 40, "norm": 40}
    plain = {"featureFusionmodule.wavelet_attention.channel_attention.fc1.weight": (0, 1, 1, 1)}
    for block in ("layers.0.residual_group.blocks.0", "layers.0.residual_group.blocks.1"):
        scan = f"{block}.self_attention"
        norms |= {f"{block}.ln_1": 40, f"{block}.ln_2": 40, f"{scan}.out_norm": inner}
        convs |= {
            f"{scan}.conv2d": (inner, 1, 3, 3),
            f"{block}.conv_blk.cab.0": (13, 40, 3, 3),
            f"{block}.conv_blk.cab.2": (40, 13, 3, 3),
            f"{block}.conv_blk.cab.3.attention.1": (1, 40, 1, 1),
            f"{block}.conv_blk.cab.3.attention.3": (40, 1, 1, 1),
        }
        plain |= {
            f"{block}.skip_scale": (40,),
            f"{block}.skip_scale2": (40,),
            f"{scan}.in_proj.weight": (2 * inner, 40),
            f"{scan}.x_proj_weight": (4, rank + 2 * state, inner),
            f"{scan}.dt_projs_weight": (4, inner, rank),
            f"{scan}.dt_projs_bias": (4, inner),
            f"{scan}.A_logs": (4 * inner, state),
            f"{scan}.Ds": (4 * inner,),
            f"{scan}.out_proj.weight": (40, inner),
        }
    theirs = {name: torch.rand(shape) for name, shape in plain.items()}
    theirs |= {f"{name}.weight": torch.rand(shape) for name, shape in convs.items()}
    theirs |= {f"{name}.bias": torch.rand(shape[0]) for name, shape in convs.items()}
    theirs |= {f"{name}.{part}": torch.rand(width) for name, width in norms.items() for part in ("weight", "bias")}
    network = SPACE.build(tiny(), 4, 1)
    network.load_state_dict(SPACE.translate(theirs, 4, 1))
    assert torch.equal(network.groups[0].blocks[1].scan.direct, theirs[f"{scan}.Ds"])
