"""Networks of others, read by `spandrel`, to measure them beside the networks that a search found."""

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
"""Endings of the files that are read as checkpoints, in lower case."""

_INSTALL = "pip install -c constraints.txt -e '.[spandrel]'"

_STUBBED = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
"""Modules that two of spandrel's architectures (for inpainting and for faces) import."""


@dataclass(frozen=True)
class ThirdParty:
    """A network of others, wrapped for images of one channel."""

    network: nn.Module
    """[N, 1, h, w] in 0..1 → [N, 1, s h, s w] in 0..1 for images of any size; frozen, in evaluation mode."""
    scale: int
    architecture: str
    """The name that spandrel uses, such as `SwinIR`."""
    channels: int
    """Channels of its images. For three channels, it gets the gray image in each, and its output is averaged."""

    def describe(self) -> str:
        """Return a description in a few words."""
        colours = "" if self.channels == 1 else ", gray in each of three channels and the mean of its output"
        return f"{self.architecture} x{self.scale}{colours}"


def load_third_party(path: Path) -> ThirdParty:
    """Read a checkpoint. spandrel recognises its architecture by the names of its tensors.

    Nothing in the file is executed. Raises InputError for a file without weights, for an architecture that spandrel
    doesn't know or that doesn't upscale images of one or three channels, and if spandrel isn't installed.
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
        raise InputError(f"{path} holds {name}, which is not for images of one or three channels.")
    network = InGray(_Described(found), found.input_channels)
    return ThirdParty(network.requires_grad_(False).eval(), found.scale, name, max(channels))


class _Described(nn.Module):
    """A network as spandrel runs it: images are padded to the sizes that it takes, and results clipped to 0..1."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model = descriptor.model
        self._run = descriptor

    def forward(self, lr: Tensor) -> Tensor:
        """LR [N, C, h, w] → SR [N, C, s h, s w]."""
        sr: Tensor = self._run(lr)
        return sr


def _import_spandrel() -> ModuleType:
    """Return spandrel. Raises InputError if it can't be imported."""
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
    """Tell whether torchvision is installed and fits torch. If it doesn't fit, its import may raise any error."""
    try:
        importlib.import_module("torchvision.transforms.functional")
    except Exception:
        return False
    return True


@contextlib.contextmanager
def _torchvision_stub() -> Iterator[None]:
    """Provide three names of torchvision that modules import and super-resolution never uses."""
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
