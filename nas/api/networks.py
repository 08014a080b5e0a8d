"""Untrained networks and their costs, and search spaces."""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from nas.api.calls import check_counts, public_call
from nas.api.given import Size, in_text
from nas.api.models import TrainedModel
from nas.api.records import FoundNetwork
from nas.cost import Cost
from nas.jobs.naming import NamedArchitecture, resolve
from nas.model import RESULTS
from nas.plugins.given import give_plugins
from nas.report.costs import count
from search_spaces import SPACES, Architecture

Named = str | Path | Architecture | FoundNetwork | TrainedModel
"""An architecture: `SPACE/POINT`, `RUN:TRIAL`, a path, or an object with an architecture."""


@dataclass(frozen=True)
class SpaceSummary:
    """A summary of a search space.

    Example:
        >>> [space.published for space in nas.list_spaces() if space.name == "falsr"]
        [('FALSR-A', 'FALSR-B', 'FALSR-C')]
    """

    name: str
    summary: str
    """A description of its networks."""
    architectures: int
    """Number of architectures at each scale."""
    scales: tuple[int, ...]
    published: tuple[str, ...]
    """The names of its published points; `SPACE/POINT` is the architecture name."""


@public_call()
def list_spaces() -> list[SpaceSummary]:
    """Return the search spaces, including those of plugins.

    Example:
        >>> "hybrid" in [space.name for space in nas.list_spaces()]
        True
    """
    return [
        SpaceSummary(space.name, space.summary, space.count(), tuple(space.scales), tuple(space.published))
        for space in SPACES
    ]


@public_call()
def create_network(
    name: Named, *, scale: int | None = None, channels: int = 1, results: str | Path = RESULTS
) -> nn.Module:
    """Build a network with random weights from torch's seed.

    Args:
        name: `SPACE/POINT`, `RUN:TRIAL`, a path of a model directory or an `architecture.yaml`, or an object with an
            architecture.
        scale: Scale of a published network. Default: the scale of its published figures.
        channels: Image channels of a published network, 1 or 3.
        results: The folder with the runs.

    Returns:
        The network, [N, channels, h, w] → [N, channels, scale · h, scale · w], values in 0..1.

    Raises:
        InputError: The name is unknown, or the space has no such scale or number of channels.

    Example:
        >>> network = nas.create_network("falsr/FALSR-B", scale=2)
        >>> sum(parameter.numel() for parameter in network.parameters())
        324745
    """
    check_counts(1, scale=scale, channels=channels)
    named = named_architecture(name, scale, Path(results))
    architecture = named.architecture
    return (replace(architecture, channels=channels) if named.published else architecture).build()


@public_call()
def cost(
    name: Named,
    *,
    scale: int | None = None,
    hr: Size | None = None,
    lr: Size | None = None,
    results: str | Path = RESULTS,
) -> Cost:
    """Count the costs of a network exactly, without running it.

    Args:
        name: As for `create_network`.
        scale: Scale of a published network. Default: the scale of its published figures.
        hr: Size of the HR image. Default: 1280x720.
        lr: Size of the LR image, such as that of a sensor, instead of `hr`.
        results: The folder with the runs.

    Returns:
        Parameters, multiply-adds, activations and peak memory in bytes.

    Raises:
        InputError: The name is unknown, or the image is too small for the network.

    Example:
        >>> nas.cost("falsr/FALSR-B").macs
        74502144000
        >>> nas.cost("ecbsr/M4C8", lr="640x512").hr_size
        (1280, 1024)
    """
    check_counts(1, scale=scale)
    return count(named_architecture(name, scale, Path(results)), in_text(hr), in_text(lr), with_thop=False).cost


@public_call()
def use_plugins(*files: str | Path) -> None:
    """Run Python files that add spaces, proxies, losses, metrics or degradations, and remember that they may run here.

    Args:
        files: Paths of the files. Worker processes that a search starts run them, too.

    Raises:
        InputError: A file is missing, or fails.

    Example:
        >>> nas.use_plugins("dots.py")
        >>> "dots" in [space.name for space in nas.list_spaces()]
        True
    """
    give_plugins(str(file) for file in files)


def named_architecture(name: Named, scale: int | None, results: Path) -> NamedArchitecture:
    """Return the architecture of `name`. Raises InputError, SpaceError or UnknownNameError."""
    if isinstance(name, str | Path):
        return resolve(str(name), scale, results)
    if isinstance(name, Architecture):
        return NamedArchitecture(name.fingerprint, name)
    return NamedArchitecture(str(name), name.architecture)
