"""Networks of others, as `spandrel` reads them: what a user has today, to be measured beside what a search found."""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from nas.convert.in_gray import InGray
from nas.errors import InputError
from nas.weights import read_state

SUFFIXES = frozenset({".pth", ".pt", ".ckpt", ".safetensors"})
"""The file names taken for checkpoints, in lower case."""

_INSTALL = "pip install -c constraints.txt -e '.[spandrel]'"

_STUBBED = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
"""What two of spandrel's architectures import, for inpainting and for faces."""


@dataclass(frozen=True)
class ThirdParty:
    """A network of others, made ready for images of one channel."""

    network: nn.Module
    """[N, 1, h, w] in 0..1 → [N, 1, s h, s w] in 0..1 of any size, without gradients, always in evaluation mode."""
    scale: int
    architecture: str
    """As spandrel names it, such as `SwinIR`."""
    channels: int
    """Of the images it was made for: one of three sees the gray image in each, and the mean of its output counts."""

    def describe(self) -> str:
        """What it is, in a few words."""
        colours = "" if self.channels == 1 else ", gray in each of three channels and the mean of its output"
        return f"{self.architecture} x{self.scale}{colours}"


def load_third_party(path: Path) -> ThirdParty:
    """Read a checkpoint of one of the architectures that spandrel knows, told by the names of its tensors.

    Nothing in the file is executed. Raises InputError for a file without weights, for an architecture that spandrel
    doesn't know or that doesn't upscale images of one or three channels, and where spandrel isn't installed.
    """
    if not path.is_file():
        raise InputError(f"There is no checkpoint '{path}'.")
    state = read_state(path)
    spandrel = _import_spandrel()
    try:
        found = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(state))
    except spandrel.UnsupportedModelError:
        raise InputError(f"{path} is of no architecture that spandrel {spandrel.__version__} knows.") from None
    except Exception as error:  # each architecture fails in its own way on tensors that only look like its own
        raise InputError(f"{path} can't be read by spandrel: {str(error).splitlines()[0]}.") from None
    name, channels = found.architecture.name, {found.input_channels, found.output_channels}
    if not isinstance(found, spandrel.ImageModelDescriptor) or not channels <= {1, 3}:
        raise InputError(f"{path} holds {name}, which doesn't turn images of one or three channels into such.")
    network = InGray(_Described(found), found.input_channels)
    return ThirdParty(network.requires_grad_(False).eval(), found.scale, name, max(channels))


class _Described(nn.Module):
    """A network as spandrel runs it: padded to the sizes that it takes, and the result clipped to 0..1."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model = descriptor.model
        self._run = descriptor

    def forward(self, lr: Tensor) -> Tensor:
        """LR [N, C, h, w] → SR [N, C, s h, s w]."""
        sr: Tensor = self._run(lr)
        return sr


def _import_spandrel() -> ModuleType:
    """Return spandrel. Raises InputError where it can't be imported."""
    if "spandrel" in sys.modules:
        return sys.modules["spandrel"]
    if importlib.util.find_spec("spandrel") is None:
        raise InputError(f"Checkpoints of others are read by spandrel, which isn't installed: {_INSTALL}.")
    try:
        with contextlib.nullcontext() if _torchvision_works() else _torchvision_stub():
            return importlib.import_module("spandrel")
    except ImportError as error:
        raise InputError(f"spandrel can't be imported ({error}): {_INSTALL}.") from None


def _torchvision_works() -> bool:
    """Tell whether torchvision is there and fits torch; one that doesn't fails with whatever its library meets."""
    try:
        importlib.import_module("torchvision.transforms.functional")
    except Exception:
        return False
    return True


@contextlib.contextmanager
def _torchvision_stub() -> Iterator[None]:
    """Let modules import three names of torchvision, which super-resolution never uses."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "torchvision"}
    for name in before:
        del sys.modules[name]
    stubs = {name: ModuleType(name) for name in _STUBBED}
    for name in ("InterpolationMode", "rotate", "normalize"):
        setattr(stubs[_STUBBED[-1]], name, None)
    sys.modules.update(stubs)
    try:
        yield
    finally:
        for name in stubs:
            del sys.modules[name]
        sys.modules.update(before)
