"""IRSRMamba: a state-space network for infrared images behind a wavelet front end (Huang et al., arXiv 2405.09873).

The body is that of MambaIR (arXiv 2402.15648): groups of blocks, each a selective scan of the image in four directions
and a convolutional block with channel attention, both with learned skips. The front end modulates 7x7 features of the
image by the Haar wavelet of 3x3 features. The authors drop whole blocks at random in training; here no block is
dropped.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.channel_norm import ChannelNorm
from search_spaces.layers.conv import conv
from search_spaces.layers.initialisation import keep_variance
from search_spaces.layers.mean_shift import MeanShift, around
from search_spaces.layers.scan_block import EPSILON, ScanBlock, ScanGroup
from search_spaces.layers.upsample import PixelShuffleDirect, PixelShuffleSteps
from search_spaces.layers.wavelet import WaveletFrontEnd
from search_spaces.part import Part
from search_spaces.published import ARTICLE, ARTICLE_LR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

INFRARED_MEAN = (0.3317, 0.3317, 0.3317)
"""The mean that the authors subtract from a three-channel image; from one channel they subtract nothing."""

TAIL_WIDTH = 64
"""Channels of the tail that upsamples in steps."""


@dataclass(frozen=True)
class IrsrMambaChoices:
    """The choices of `irsrmamba`: `groups` of `blocks`, each of which scans `inner` channels of `state` numbers."""

    image_skip: bool
    wavelet: bool
    groups: int
    blocks: int
    width: int
    state: int
    expansion_tenths: int
    squeeze: int
    tail: str

    @property
    def inner(self) -> int:
        """Number of scanned channels."""
        return self.width * self.expansion_tenths // 10

    @property
    def squeezed(self) -> int:
        """Number of channels between the two convolutions of a block."""
        return self.width // self.squeeze


class Tail(nn.Module):
    """Turns features into the image: by one pixel shuffle, or in steps of 64 channels. [N, width, H, W] → the image."""

    def __init__(self, kind: str, width: int, scale: int, channels: int) -> None:
        super().__init__()
        self.narrow: nn.Module = nn.Identity()
        self.write: nn.Module = nn.Identity()
        self.upsample: PixelShuffleDirect | PixelShuffleSteps
        if kind == "direct":
            self.upsample = PixelShuffleDirect(width, channels, scale)
        else:
            self.narrow = nn.Sequential(conv(width, TAIL_WIDTH), nn.LeakyReLU(0.01))
            self.upsample = PixelShuffleSteps(TAIL_WIDTH, scale)
            self.write = conv(TAIL_WIDTH, channels)
        keep_variance(self)  # else brief training would mostly enlarge the features of three layers

    @property
    def last(self) -> nn.Module:
        """The convolution that writes the image."""
        return self.upsample.last if isinstance(self.upsample, PixelShuffleDirect) else self.write

    def forward(self, features: Tensor) -> Tensor:
        """[N, width, H, W] → [N, channels, scale·H, scale·W]."""
        return self.write(self.upsample(self.narrow(features)))


class IrsrMambaNetwork(nn.Module):
    """[N, C, H, W] → [N, C, scale·H, scale·W]."""

    def __init__(self, chosen: IrsrMambaChoices, scale: int, channels: int) -> None:
        super().__init__()
        width = chosen.width
        shifts = channels == len(INFRARED_MEAN) and not chosen.image_skip
        self.shift = MeanShift(channels, INFRARED_MEAN) if shifts else None
        self.front = WaveletFrontEnd(channels) if chosen.wavelet else nn.Identity()
        self.head = conv(channels, width)
        self.enter = ChannelNorm(width, EPSILON)
        self.groups = nn.Sequential()
        for _ in range(chosen.groups):
            blocks = [ScanBlock(width, chosen.inner, chosen.state, chosen.squeezed) for _ in range(chosen.blocks)]
            self.groups.append(ScanGroup(blocks, width))
        self.norm = ChannelNorm(width, EPSILON)
        self.merge = conv(width, width)
        self.tail = Tail(chosen.tail, width, scale, channels)

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        return around(self.shift, self._computed, image)

    def _computed(self, image: Tensor) -> Tensor:
        head = self.head(self.front(image))
        deep = self.merge(self.norm(self.groups(self.enter(head))))
        return self.tail(head + deep)


def _full(blocks: int) -> dict[str, Choice]:
    """Return the choices of the authors' networks: six groups of `blocks`."""
    return {
        "image_skip": False,
        "wavelet": True,
        "groups": 6,
        "blocks": blocks,
        "width": 180,
        "state": 16,
        "expansion_tenths": 20,
        "squeeze": 3,
        "tail": "steps",
    }


@register
class IrsrMamba(SkippedSpace):
    """Selective scans over infrared images (arXiv 2405.09873): 860,160 networks with image skip and as many without."""

    name: ClassVar[str] = "irsrmamba"
    summary: ClassVar[str] = "selective scans in four directions behind a wavelet front end, for infrared (2024)"
    minimum_side: ClassVar[int] = 2
    own_options: ClassVar[dict[str, Values]] = {
        "wavelet": (False, True),
        "groups": range(1, 9),
        "blocks": range(1, 9),
        "width": range(20, 201, 20),
        "state": range(2, 17, 2),
        "expansion_tenths": range(10, 21, 2),
        "squeeze": range(2, 9),
        "tail": ("direct", "steps"),
    }
    smallest: ClassVar[Choices] = {
        **_full(1),
        "wavelet": False,
        "groups": 1,
        "width": 20,
        "state": 2,
        "expansion_tenths": 10,
        "squeeze": 8,
        "tail": "direct",
    }
    published: ClassVar = {
        "IRSRMamba": Published(
            _full(8),
            Claim("arXiv 2405.09873"),
            Claim(ARTICLE, lr=ARTICLE_LR, note='its "72" is no count of this network'),
        ),
        "IRSRMamba-2024": Published(
            _full(6), Claim("evaluation log of 2024 in the authors' repository", 20_422_229, note="three channels")
        ),
        "IRSRMamba-light": Published(
            {
                **_full(6),
                "wavelet": False,
                "groups": 4,
                "width": 60,
                "state": 10,
                "expansion_tenths": 12,
                "squeeze": 6,
                "tail": "direct",
            },
            Claim("configuration of MambaIR-light, arXiv 2402.15648", note="the authors train no light IRSRMamba"),
        ),
    }
    authors_names: ClassVar = (
        (r"^featureFusionmodule\.wavelet_attention\..*", ""),
        (r"^featureFusionmodule\.small_scale_extractor\.conv3x3\.", "front.small."),
        (r"^featureFusionmodule\.large_scale_extractor\.dwconv7x7\.", "front.large.0."),
        (r"^featureFusionmodule\.large_scale_extractor\.pointwise\.", "front.large.1."),
        (r"^featureFusionmodule\.feature_modulation\.mapping\.conv1\.", "front.modulation.0."),
        (r"^featureFusionmodule\.feature_modulation\.mapping\.conv2\.", "front.modulation.2."),
        (r"^featureFusionmodule\.fusion_conv\.", "front.merge."),
        (r"^conv_first\.", "head."),
        (r"^patch_embed\.norm\.", "enter."),
        (r"^layers\.(\d+)\.conv\.", r"groups.\1.conv."),
        (r"^layers\.(\d+)\.residual_group\.blocks\.(\d+)\.", r"groups.\1.blocks.\2."),
        (r"\.ln_1\.", ".norm."),
        (r"\.skip_scale$", ".skip"),
        (r"\.ln_2\.", ".local_norm."),
        (r"\.skip_scale2$", ".local_skip"),
        (r"\.conv_blk\.cab\.3\.attention\.1\.", ".local.3.gate.0."),
        (r"\.conv_blk\.cab\.3\.attention\.3\.", ".local.3.gate.2."),
        (r"\.conv_blk\.cab\.", ".local."),
        (r"\.self_attention\.in_proj\.", ".scan.enter."),
        (r"\.self_attention\.conv2d\.", ".scan.depthwise."),
        (r"\.self_attention\.x_proj_weight$", ".scan.project"),
        (r"\.self_attention\.dt_projs_weight$", ".scan.step_weight"),
        (r"\.self_attention\.dt_projs_bias$", ".scan.step_bias"),
        (r"\.self_attention\.A_logs$", ".scan.log_decay"),
        (r"\.self_attention\.Ds$", ".scan.direct"),
        (r"\.self_attention\.out_norm\.", ".scan.norm."),
        (r"\.self_attention\.out_proj\.", ".scan.leave."),
        (r"^conv_after_body\.", "merge."),
        (r"^conv_before_upsample\.0\.", "tail.narrow.0."),
        (r"^upsample\.(\d+)\.", r"tail.upsample.\1."),
        (r"^conv_last\.", "tail.write."),
    )

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and the convolution that writes its image."""
        network = IrsrMambaNetwork(read_choices(IrsrMambaChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> list[Part]:
        """Return the front end, the ends, the blocks and the convolutions of the groups."""
        chosen = read_choices(IrsrMambaChoices, choices)
        width, groups = chosen.width, chosen.groups
        block = (width, chosen.inner, chosen.state, chosen.squeezed)
        front = [Part(WaveletFrontEnd, (channels,), channels)] if chosen.wavelet else []
        return [
            *front,
            Part(conv, (channels, width), channels),
            Part(ChannelNorm, (width,), width, repeats=2),
            Part(ScanBlock, block, width, repeats=groups * chosen.blocks),
            Part(conv, (width, width), width, repeats=groups + 1),
            Part(Tail, (chosen.tail, width, scale, channels), width),
        ]
