"""The base class of super-resolution families with `image_skip`: the choice how the image itself reaches the output."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from search_spaces.choices import Choices, Values
from search_spaces.layers.image_skip import ImageSkip
from search_spaces.space import SearchSpace


class SkippedSpace(SearchSpace):
    """A family of super-resolution networks with the choice `image_skip`: how the image itself reaches the output.

    `image_skip` off: the network as published, with the global skip and the input normalisation of its authors, if any.
    `image_skip` on: `ImageSkip` replaces both. It adds bicubic interpolation, and training starts from that. A search
    keeps `image_skip` on, so that one recipe suits every family.
    """

    own_options: ClassVar[Mapping[str, Values]]
    """All choices except `image_skip`."""
    pinned: ClassVar[Choices] = {"image_skip": True}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "own_options"):
            cls.options = {"image_skip": (False, True), **cls.own_options}

    @abstractmethod
    def learned(self, choices: Choices, scale: int, channels: int) -> tuple[nn.Module, nn.Module]:
        """Return the network and the convolution in it that writes its output image.

        With `choices["image_skip"]`, the network has no global skip and no input normalisation of its own.
        """

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the network, wrapped in an `ImageSkip` if the choices ask for it."""
        network, last = self.learned(choices, scale, channels)
        return ImageSkip(network, last, channels, scale) if choices["image_skip"] else network
