"""Networks that nothing has trained: by name, as spaces of them, and what they cost."""

from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from nas.api.calls import check_counts, public_call
from nas.api.given import Size, in_text
from nas.api.models import TrainedModel
from nas.api.records import FoundNetwork
from nas.cost import Cost
from nas.jobs.naming import Reference, resolve
from nas.model import RESULTS
from nas.plugins.given import give_plugins
from nas.report.costs import count
from search_spaces import SPACES, Architecture

Named = str | Path | Architecture | FoundNetwork | TrainedModel
"""What names an architecture: `SPACE/POINT`, `RUN:TRIAL`, a path, or an object that has one."""


@dataclass(frozen=True)
class SpaceSummary:
    """A search space in short.

    Example:
        >>> [space.published for space in nas.list_spaces() if space.name == "falsr"]
        [('FALSR-A', 'FALSR-B', 'FALSR-C')]
    """

    name: str
    summary: str
    """What its networks are."""
    architectures: int
    """How many it holds at each scale."""
    scales: tuple[int, ...]
    published: tuple[str, ...]
    """The published networks that are points of it; `SPACE/POINT` names one."""


@public_call()
def list_spaces() -> list[SpaceSummary]:
    """Return the search spaces, those of plugins among them.

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
    """Build a network with new random weights, drawn from torch's seed.

    Args:
        name: `SPACE/POINT`, `RUN:TRIAL`, a path of a model directory or an `architecture.yaml`, or an object with an
            architecture.
        scale: Of a published network; default: the scale that its figures are for.
        channels: Image channels of a published network, 1 or 3.
        results: The folder in which runs lie.

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
    reference = refer(name, scale, Path(results))
    architecture = reference.architecture
    return (replace(architecture, channels=channels) if reference.published else architecture).build()


@public_call()
def cost(
    name: Named,
    *,
    scale: int | None = None,
    hr: Size | None = None,
    lr: Size | None = None,
    results: str | Path = RESULTS,
) -> Cost:
    """Count what a network costs, exactly and without running it.

    Args:
        name: As for `create_network`.
        scale: Of a published network; default: the scale that its figures are for.
        hr: Size of the HR image that is produced. Default: 1280x720.
        lr: The same by its LR image, such as the size of a sensor.
        results: The folder in which runs lie.

    Returns:
        Parameters, multiply-adds, activations and the peak of memory in bytes.

    Raises:
        InputError: The name is unknown, or the image is too small for the network.

    Example:
        >>> nas.cost("falsr/FALSR-B").macs
        74502144000
        >>> nas.cost("ecbsr/M4C8", lr="640x512").hr_size
        (1280, 1024)
    """
    check_counts(1, scale=scale)
    return count(refer(name, scale, Path(results)), in_text(hr), in_text(lr), with_thop=False).cost


@public_call()
def use_plugins(*files: str | Path) -> None:
    """Run Python files that add spaces, proxies, losses, metrics or degradations, and remember that they may run here.

    Args:
        files: Paths of the files. Worker processes that a search starts run them, too.

    Raises:
        InputError: A file isn't there, or fails.

    Example:
        >>> nas.use_plugins("dots.py")
        >>> "dots" in [space.name for space in nas.list_spaces()]
        True
    """
    give_plugins(str(file) for file in files)


def refer(name: Named, scale: int | None, results: Path) -> Reference:
    """Return what `name` names. Raises InputError, SpaceError or UnknownNameError."""
    if isinstance(name, str | Path):
        return resolve(str(name), scale, results)
    if isinstance(name, Architecture):
        return Reference(name.fingerprint, name)
    return Reference(str(name), name.architecture)
