"""DnCNN: a chain of convolutions that learns the noise in an image (Zhang et al., arXiv 1608.03981)."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, Values, read_choices
from search_spaces.layers.chain import chain
from search_spaces.published import Claim, Published, TrainedLuma
from search_spaces.space import SearchSpace, register


@dataclass(frozen=True)
class DnCnnChoices:
    """The choices of `dncnn`."""

    layers: int
    width: int
    batch_norm: bool
    activation: str


class DnCnnNetwork(nn.Module):
    """[N, C, H, W] → the same shape: the image minus its noise."""

    def __init__(self, chosen: DnCnnChoices, channels: int) -> None:
        super().__init__()
        self.residual = chain(
            channels, channels, chosen.layers, chosen.width, chosen.activation, batch_norm=chosen.batch_norm
        )
        for parameter in self.residual[-1].parameters():
            nn.init.zeros_(parameter)  # an untrained network leaves the image as it is

    def forward(self, image: Tensor) -> Tensor:
        """[N, C, H, W] → the same shape."""
        return image - self.residual(image)


def dncnn(layers: int, *, batch_norm: bool = True) -> dict[str, Choice]:
    """Return the choices of the authors' network of this depth."""
    return {"layers": layers, "width": 64, "batch_norm": batch_norm, "activation": "relu"}


@register
class DnCnn(SearchSpace):
    """A denoiser for one noise level, or a blind denoiser if it is trained on many."""

    name: ClassVar[str] = "dncnn"
    summary: ClassVar[str] = "denoiser: a batch-normalised chain of convolutions that learns the noise (2016)"
    scales: ClassVar[tuple[int, ...]] = (1,)
    # In training, batch normalisation needs more than one value per channel.
    minimum_side: ClassVar[int] = 2
    options: ClassVar[dict[str, Values]] = {
        "layers": range(3, 31),
        "width": range(8, 129, 8),
        "batch_norm": (False, True),
        "activation": ("relu", "leaky", "prelu"),
    }
    smallest: ClassVar[Choices] = {**dncnn(3, batch_norm=False), "width": 8}
    luma: ClassVar[TrainedLuma] = TrainedLuma("full", "gray images, in the authors' repository KAIR")
    published: ClassVar = {
        "DnCNN": Published(dncnn(17), Claim("arXiv 1608.03981", scale=1), scale=1),
        "DnCNN-colour": Published(dncnn(20), Claim("arXiv 1608.03981", scale=1), scale=1),
        "DnCNN-folded": Published(
            dncnn(17, batch_norm=False),
            Claim(
                "cszn/KAIR",
                scale=1,
                note="DnCNN as released, normalisation folded into the convolutions; 30.43 dB on Set12 at noise 25/255",
            ),
            scale=1,
        ),
    }
    authors_names: ClassVar = ((r"^model\.", "residual."),)

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network."""
        return DnCnnNetwork(read_choices(DnCnnChoices, choices), channels)
