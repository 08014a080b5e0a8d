"""Whole published networks compute what the code of `spandrel` computes, which others wrote, with the same weights.

Every parameter and statistic is random, so that nothing that starts at zero or one hides what it does. The weights pass
through `translate`, as those of a released checkpoint do.
"""

import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas.convert.third_party import _import_spandrel
from search_spaces import SPACES, Architecture

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("spandrel") is None, reason="spandrel is not installed, whose code this compares with"
)

Rename = Callable[[str], str]


@dataclass(frozen=True)
class Twin:
    """A published point, and how spandrel builds the same network."""

    point: str
    scale: int
    theirs: str
    arguments: dict[str, Any]
    channels: int = 3
    rename: Rename = str
    """From spandrel's tensor names to the authors'."""
    inputs: Callable[[Tensor], Tensor] = field(default=lambda image: image)
    """The input of spandrel's network, from the image that our network takes."""


def names_of_2018(name: str) -> str:
    """Return the tensor name in ESRGAN's later code for a name in its code of 2018, which spandrel keeps."""
    ends = {"0": "conv_first", "3": "upconv1", "6": "upconv2", "8": "HRconv", "10": "conv_last"}
    name = re.sub(r"^model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.", r"RRDB_trunk.\1.RDB\2.conv\3.", name)
    name = re.sub(r"^model\.1\.sub\.\d+\.", "trunk_conv.", name)
    return re.sub(r"^model\.(\d+)\.", lambda found: f"{ends[found[1]]}.", name)


def with_noise_plane(image: Tensor) -> Tensor:
    """Return the image with one more channel: the noise level that our denoisers assume by default."""
    return torch.cat([image, torch.full_like(image[:, :1], 15 / 255)], dim=1)


SWIN = {"in_chans": 3, "embed_dim": 60, "depths": [6] * 4, "num_heads": [6] * 4, "window_size": 8, "mlp_ratio": 2}
RGT = {"embed_dim": 180, "depth": [6] * 6, "num_heads": [6] * 6, "mlp_ratio": 2, "split_size": [8, 32], "c_ratio": 0.5}

TWINS = [
    Twin("swinir/SwinIR-light", 2, "SwinIR", {**SWIN, "upscale": 2, "upsampler": "pixelshuffledirect"}),
    Twin("safmn/SAFMN", 4, "SAFMN", {"dim": 36, "n_blocks": 8, "upscaling_factor": 4}),
    Twin("span/SPAN-48", 2, "SPAN", {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 48, "upscale": 2}),
    Twin("compact/RealESR-general", 4, "Compact", {"num_conv": 32}),
    Twin("rgt/RGT-S", 2, "RGT", {**RGT, "upscale": 2}),
    Twin("rcan/RCAN", 2, "RCAN", {"scale": 2}),
    Twin("rrdb/ESRGAN", 4, "ESRGAN", {"scale": 4}, rename=names_of_2018),
    Twin("rrdb/Real-ESRGAN-x2plus", 2, "ESRGAN", {"in_nc": 12, "scale": 4, "shuffle_factor": 2}, rename=names_of_2018),
    Twin("drunet/DRUNet", 1, "DRUNet", {"in_nc": 2, "out_nc": 1}, channels=1, inputs=with_noise_plane),
    Twin("dncnn/DnCNN", 1, "DnCNN", {"act_mode": "BR"}, channels=1),
]


def randomise(network: nn.Module) -> None:
    """Give every parameter and every statistic of a batch normalisation a random value."""
    generator = torch.Generator().manual_seed(1)
    for name, parameter in network.named_parameters():
        if name.startswith(("sub_mean", "add_mean")):  # RCAN's constants, written as a convolution
            continue
        fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
        parameter.data = 0.6 * torch.randn(parameter.shape, generator=generator) / fan_in**0.5
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)


@pytest.mark.parametrize("twin", TWINS, ids=[twin.point for twin in TWINS])
def test_a_published_network_computes_what_independent_code_does(twin: Twin) -> None:
    _import_spandrel()
    made_by = importlib.import_module(f"spandrel.architectures.{twin.theirs}")
    theirs = getattr(made_by, twin.theirs)(**twin.arguments).eval()
    randomise(theirs)
    state = {twin.rename(name): tensor for name, tensor in theirs.state_dict().items()}

    ours = Architecture.published(twin.point, twin.scale, twin.channels).build().eval()
    space = SPACES.get(twin.point.partition("/")[0])
    ours.load_state_dict(space.translate(state, twin.scale, twin.channels))

    image = torch.rand(1, twin.channels, 24, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = theirs(twin.inputs(image.clone()))  # RCAN's code changes the image that it is given
        found = ours(image)
    assert expected.std() > 0.01
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-4 * expected.std().item())
