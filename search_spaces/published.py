"""Published points of a space, and what their authors and others claim of them."""

from dataclasses import dataclass
from typing import Literal

from search_spaces.choices import Choices


@dataclass(frozen=True)
class Claim:
    """What somebody has published of a network; a figure that they don't give is None."""

    source: str
    params: int | None = None
    macs: int | None = None
    """Multiply-adds for `at`."""
    psnr: float | None = None
    """dB on Set5 at `at`'s scale, of the luminance."""
    at: str = "x2, HR 1280x720"
    note: str = ""
    """How a figure was counted where not as we count, or what is wrong with it."""


@dataclass(frozen=True)
class Published:
    """A hand-made (or once found) network as a point of a space, with what is published of it."""

    choices: Choices
    paper: Claim
    article: Claim | None = None
    """The row of the survey of super-resolution for infrared imaging, where it has one."""
    scale: int = 2
    """The scale that its figures are for."""


@dataclass(frozen=True)
class TrainedLuma:
    """Of coloured images, which luma (ITU-R BT.601) the authors' networks of one channel are trained on."""

    range: Literal["full", "studio"]
    """`full` is 0..255 of 8 bits, as JPEG and gray images have it; `studio` is 16..235, as MATLAB's `rgb2ycbcr`."""
    source: str


STUDIO_LUMA = TrainedLuma("studio", "rgb2ycbcr of MATLAB, the custom of networks of one channel since SRCNN")

ARTICLE = "survey of super-resolution for infrared imaging"
"""The source of the claims in `Published.article`; its own measurements are of an LR image of 640x512."""
