"""Published points of a space: the figures that papers claim, and how the papers counted them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from search_spaces.choices import Choices

Size = tuple[int, int]
"""Width and height of an image, in pixels."""

HR_720: Size = (1280, 720)
"""The HR image that the literature counts multiply-adds for."""


class Rule(StrEnum):
    """A counting rule that some papers follow and `nas cost` does not. Its value is the wording in a note."""

    NO_BIASES = "without biases"
    NO_SLOPES = "without the slopes of activations"
    NO_POSITION_BIASES = "without position biases"
    ALL_TAILS = "with the tails for x2, x3 and x4 together"
    TRAINING = "of the form that trains with branches, fixed filters included"
    NO_ATTENTION = "without attention products"
    NORMS = "with normalisations and softmax"
    TRANSPOSED_AT_OUTPUT = "with transposed convolutions charged at every output pixel"
    COARSE_AT_FULL_SIZE = "with the 1x1 convolution after the pooling charged at full size"
    FREE_SHIFTS = "with free shifts"
    NO_PADDING = "without padding to whole windows"
    TWO_PER_MULTIPLY_ADD = "with two for a multiply-add, but one in attention products"


@dataclass(frozen=True)
class Counting:
    """How a published figure was counted, if `nas cost` counts the same network differently.

    The tests count by these rules and must meet the figure within 1 %.
    """

    network: str = ""
    """Another published network, `SPACE/POINT`."""
    replaced: Choices = field(default_factory=dict)
    """Choices in which the counted network differs."""
    channels: int = 1
    scale: int | None = None
    """The scale of the count; None: the scale of the claim."""
    lr: Size | None = None
    """The LR image of the count; None: the image of the claim."""
    rules: tuple[Rule, ...] = ()
    factor: int = 1
    """Factor by which the count is multiplied."""
    rounded_to: int = 1
    """The multiple that the figure is rounded to."""
    unexplained: bool = False
    """True if no known form or rule gives the figure."""

    def words(self) -> str:
        """Return the counting in words, e.g. `with three channels, without biases`; empty if `nas cost` agrees."""
        if self.unexplained:
            return "that no known form or rule gives"
        parts = [f"of {self.network}"] if self.network else []
        parts += [f"with {name} = {value}" for name, value in self.replaced.items()]
        parts += ["with three channels"] if self.channels == 3 else []
        parts += [f"at x{self.scale}"] if self.scale else []
        parts += [f"for an LR image of {_words(self.lr)}"] if self.lr else []
        parts += [rule.value for rule in self.rules]
        parts += [f"times {self.factor}"] if self.factor > 1 else []
        parts += [f"rounded to {self.rounded_to:,}"] if self.rounded_to > 1 else []
        return ", ".join(parts)


OURS = Counting()
COLOUR = Counting(channels=3)
UNEXPLAINED = Counting(unexplained=True)


@dataclass(frozen=True)
class Claim:
    """The figures that a source publishes for a network; a figure that the source does not give is None."""

    source: str
    params: int | None = None
    macs: int | None = None
    """Multiply-adds for the image of `lr` or `hr`."""
    psnr: float | None = None
    """PSNR in dB on Set5 at `scale`, measured on the luminance."""
    scale: int = 2
    hr: Size = HR_720
    lr: Size | None = None
    """The LR image of the multiply-adds, if the source gives it instead of the HR image."""
    note: str = ""
    """A remark for readers, e.g. what is wrong with the claim."""
    params_counted: Counting = OURS
    macs_counted: Counting = OURS

    @property
    def at(self) -> str:
        """In words, what the figures refer to: the scale, and the image unless parameters are the only figure."""
        if self.scale == 1:
            return f"denoising, {_words(self.hr)}"
        if self.params is not None and self.macs is None and self.psnr is None:
            return f"x{self.scale}"
        return f"x{self.scale}, LR {_words(self.lr)}" if self.lr else f"x{self.scale}, HR {_words(self.hr)}"

    def remarks(self) -> str:
        """Return the note, and how each figure was counted if `nas cost` counts differently; may be empty."""
        params = self.params_counted.words() if self.params is not None else ""
        macs = self.macs_counted.words() if self.macs is not None else ""
        said = [self.note] if self.note else []
        if params and params == macs:
            said.append(f"params and multiply-adds {params}")
        else:
            said += [f"params {params}"] if params else []
            said += [f"multiply-adds {macs}"] if macs else []
        return "; ".join(said)

    def to_dict(self) -> Mapping[str, Any]:
        """Return plain data: the figures, what they refer to (`at`), and the remarks (`note`)."""
        figures = {"source": self.source, "params": self.params, "macs": self.macs, "psnr": self.psnr}
        return {**figures, "at": self.at, "note": self.remarks()}


def _words(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


@dataclass(frozen=True)
class Published:
    """A network as a point of a space, with its published claims: hand-made, or found by an earlier search."""

    choices: Choices
    paper: Claim
    article: Claim | None = None
    """The network's row in the survey of super-resolution for infrared imaging, if it has one."""
    scale: int = 2
    """The scale of the published figures."""


@dataclass(frozen=True)
class TrainedLuma:
    """The luma (ITU-R BT.601) of colour images on which the authors trained their one-channel networks."""

    range: Literal["full", "studio"]
    """`full` is 0..255 for 8 bits, as in JPEG and gray images; `studio` is 16..235, as in MATLAB's `rgb2ycbcr`."""
    source: str


STUDIO_LUMA = TrainedLuma("studio", "rgb2ycbcr of MATLAB, the custom of networks of one channel since SRCNN")

ARTICLE = "survey of super-resolution for infrared imaging"
"""The source of the claims in `Published.article`; its own measurements use an LR image of 640x512."""

ARTICLE_LR: Size = (640, 512)
"""The LR image of the survey's own measurements."""
