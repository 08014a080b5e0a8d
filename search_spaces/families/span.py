"""SPAN: re-parameterised convolutions under attention without parameters (Wan et al., arXiv 2311.12770).

The network: a head, six blocks of three 3x3 convolutions (see `layers/parameter_free.py`), a convolution; the head's
features, that convolution's, the first block's and the first inner features of the last block are merged by a 1x1
convolution; one convolution and a pixel shuffle write the image. Each 3x3 convolution but the last trains as a chain
1x1 → 3x3 → 1x1 through `expansion` times the width, beside a 1x1. There is no global skip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.choices import Choices, Values, read_choices
from search_spaces.layers.collapsible import Collapsible
from search_spaces.layers.conv import bias_of, conv
from search_spaces.layers.mean_shift import RANGE, MeanShift
from search_spaces.layers.parameter_free import ParameterFreeAttention
from search_spaces.layers.upsample import PixelShuffleDirect
from search_spaces.part import Part
from search_spaces.published import COLOUR, Claim, Published
from search_spaces.skipped import SkippedSpace
from search_spaces.space import register

SKIPPED_RANGE = 10.0
"""Range of the image within an `ImageSkip`, instead of 255: there the network adds little to the image. Brief trainings
of SPAN-28 gained 1.5 dB on bicubic with 1 and PyTorch's initialisation, 2.0 dB with 255, 2.4 dB with 10 and plain
convolutions."""


@dataclass(frozen=True)
class SpanChoices:
    """The choices of `span`: `blocks` of `convs` convolutions, each `expansion` times wider inside in training."""

    image_skip: bool
    width: int
    blocks: int
    convs: int
    expansion: int


class ExpandedChain(Collapsible):
    """A 3x3 convolution that trains as 1x1 → 3x3 → 1x1 through `expansion` times the channels, beside a 1x1."""

    def __init__(self, inputs: int, outputs: int, expansion: int = 2) -> None:
        super().__init__(inputs, outputs)
        self.skip = conv(inputs, outputs, 1)
        self.first = conv(inputs, expansion * inputs, 1)
        self.middle = conv(expansion * inputs, expansion * outputs, 3)
        self.last = conv(expansion * outputs, outputs, 1)

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return the weight [outputs, inputs, 3, 3] and the bias [outputs] of the equivalent convolution.

        The image is padded with zeros before the first 1x1, so the bias of this 1x1 also acts beyond the border.
        """
        first, middle, last = self.first.weight[:, :, 0, 0], self.middle.weight, self.last.weight[:, :, 0, 0]
        chain = torch.einsum("om,mnhw,ni->oihw", last, middle, first)
        weight = (chain + F.pad(self.skip.weight, (1, 1, 1, 1))).contiguous()
        inner = middle.sum(dim=(2, 3)) @ bias_of(self.first) + bias_of(self.middle)
        return weight, last @ inner + bias_of(self.last) + bias_of(self.skip)

    @torch.no_grad()
    def absorb(self, weight: Tensor, bias: Tensor) -> None:
        """Let the first channels of the chain compute the convolution minus the 1x1 beside the chain."""
        nn.init.zeros_(bias_of(self.first))
        nn.init.zeros_(bias_of(self.middle))
        nn.init.dirac_(self.first.weight)
        nn.init.dirac_(self.last.weight)
        self.middle.weight[: self.outputs] = 0
        self.middle.weight[: self.outputs, : self.inputs] = weight - F.pad(self.skip.weight, (1, 1, 1, 1))
        bias_of(self.last).copy_(bias - bias_of(self.skip))


def _block(width: int, convs: int, expansion: int) -> ParameterFreeAttention:
    return ParameterFreeAttention(width, convs, partial(ExpandedChain, expansion=expansion))


class SpanNetwork(nn.Module):
    """Head, blocks, one convolution; four stages of the features are merged and shuffled into the image."""

    def __init__(self, chosen: SpanChoices, scale: int, channels: int) -> None:
        super().__init__()
        width, expansion = chosen.width, chosen.expansion
        self.within_skip = chosen.image_skip
        self.shift = MeanShift(channels, spread=RANGE)
        self.head = ExpandedChain(channels, width, expansion)
        self.blocks = nn.ModuleList(_block(width, chosen.convs, expansion) for _ in range(chosen.blocks))
        self.body_end = ExpandedChain(width, width, expansion)
        self.merge = conv(4 * width, width, 1)
        self.tail = PixelShuffleDirect(width, channels, scale)
        if self.within_skip:
            for module in self.modules():
                if isinstance(module, ExpandedChain):
                    module.start_as_merged()

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] in 0..1 → [N, C, scale·H, scale·W]."""
        image = image * SKIPPED_RANGE if self.within_skip else self.shift(image)
        head = self.head(image)
        outputs, first = [head], head
        for block in self.blocks:
            assert isinstance(block, ParameterFreeAttention)
            stages = block.stages(outputs[-1])
            outputs.append(ParameterFreeAttention.attend(outputs[-1], stages[-1]))
            first = stages[0]
        merged = torch.cat([head, self.body_end(outputs[-1]), outputs[1], F.silu(first)], dim=1)
        return self.tail(self.merge(merged))


def point(width: int) -> dict[str, int | bool]:
    """Return the choices of the authors' networks, which differ only in width."""
    return {"image_skip": False, "width": width, "blocks": 6, "convs": 3, "expansion": 2}


@register
class Span(SkippedSpace):
    """Width, depth, convolutions per block, and their expansion in training."""

    name: ClassVar[str] = "span"
    summary: ClassVar[str] = "re-parameterised convolutions under attention without parameters (2023)"
    own_options: ClassVar[dict[str, Values]] = {
        "width": range(8, 65, 4),
        "blocks": range(1, 7),
        "convs": range(2, 5),
        "expansion": range(1, 4),
    }
    smallest: ClassVar[Choices] = {"image_skip": False, "width": 8, "blocks": 1, "convs": 2, "expansion": 1}
    published: ClassVar = {
        "SPAN-28": Published(
            point(28),
            Claim(
                "arXiv 2404.10343 (NTIRE 2024, team XiaomiMM), released weights",
                150_688,
                scale=4,
                params_counted=COLOUR,
            ),
        ),
        "SPAN-48": Published(point(48), Claim("github.com/hongyuanyu/SPAN, released as ch48")),
        "SPAN-52": Published(point(52), Claim("arXiv 2311.12770", 481_000)),
    }
    authors_names: ClassVar = (
        (r"^conv_1\.", "head."),
        (r"^conv_2\.", "body_end."),
        (r"^conv_cat\.", "merge."),
        (r"^upsampler\.", "tail."),
        *((rf"^block_{block + 1}\.", f"blocks.{block}.") for block in range(6)),
        *((rf"\.c{layer + 1}_r\.", f".convs.{layer}.") for layer in range(4)),
        (r"\.sk\.", ".skip."),
        *((rf"\.conv\.{index}\.", f".{name}.") for index, name in enumerate(("first", "middle", "last"))),
        (r"\.eval_conv\.", "."),
    )

    def translate(self, state: Mapping[str, Tensor], scale: int, channels: int) -> dict[str, Tensor]:
        """Return the tensors under our names.

        Authors' files hold either the branches with the merged convolution beside each, which is dropped, or only the
        merged convolutions, which get the names of the inference form.
        """
        branches = any(".sk." in name for name in state)
        kept = {name: tensor for name, tensor in state.items() if not (branches and ".eval_conv." in name)}
        return super().translate(kept, scale, channels)

    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and its last convolution; see `SpanNetwork`."""
        network = SpanNetwork(read_choices(SpanChoices, choices), scale, channels)
        return network, network.tail.last

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part]:
        """Return the convolutions and the blocks."""
        chosen = read_choices(SpanChoices, choices)
        width, expansion = chosen.width, chosen.expansion
        return [
            Part(ExpandedChain, (channels, width, expansion), channels),
            Part(_block, (width, chosen.convs, expansion), width, repeats=chosen.blocks),
            Part(ExpandedChain, (width, width, expansion), width),
            Part(conv, (4 * width, width, 1), 4 * width),
            Part(PixelShuffleDirect, (width, channels, scale), width),
        ]
