"""Architecture search for infrared super-resolution.

The functions below do what the commands of `nas` do. Nothing is loaded before it is used, so that `import nas` takes a
moment and changes nothing; `docs/python.md` shows them by examples.

Example:
    >>> import nas
    >>> run = nas.open("first")
    >>> best = run.best(under="300M-MACs")
    >>> nas.cost(best).macs == best.macs
    True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nas.version import __version__ as __version__

if TYPE_CHECKING:
    from nas.api.events import STOP as STOP
    from nas.api.events import Event as Event
    from nas.api.events import print_events as print_events
    from nas.api.listing import RunSummary as RunSummary
    from nas.api.listing import runs as runs
    from nas.api.measuring import evaluate as evaluate
    from nas.api.models import TrainedModel as TrainedModel
    from nas.api.models import load as load
    from nas.api.networks import SpaceSummary as SpaceSummary
    from nas.api.networks import cost as cost
    from nas.api.networks import create_network as create_network
    from nas.api.networks import list_spaces as list_spaces
    from nas.api.networks import use_plugins as use_plugins
    from nas.api.records import FoundNetwork as FoundNetwork
    from nas.api.records import RunStatus as RunStatus
    from nas.api.runs import SearchRun as SearchRun
    from nas.api.runs import open as open
    from nas.api.searching import search as search
    from nas.api.training import train as train
    from nas.cost import Cost as Cost
    from nas.deploy.export import Exported as Exported
    from nas.errors import InputError as InputError
    from nas.errors import RunError as RunError
    from nas.errors import StoppedError as StoppedError
    from nas.evaluation.comparison import Evaluation as Evaluation
    from search_spaces.architecture import Architecture as Architecture

__all__ = [
    "STOP",
    "Architecture",
    "Cost",
    "Evaluation",
    "Event",
    "Exported",
    "FoundNetwork",
    "InputError",
    "RunError",
    "RunStatus",
    "RunSummary",
    "SearchRun",
    "SpaceSummary",
    "StoppedError",
    "TrainedModel",
    "cost",
    "create_network",
    "evaluate",
    "list_spaces",
    "load",
    "open",
    "print_events",
    "runs",
    "search",
    "train",
    "use_plugins",
]

_PLACES = {
    "STOP": "nas.api.events",
    "Architecture": "search_spaces.architecture",
    "Cost": "nas.cost",
    "Evaluation": "nas.evaluation.comparison",
    "Event": "nas.api.events",
    "Exported": "nas.deploy.export",
    "FoundNetwork": "nas.api.records",
    "InputError": "nas.errors",
    "RunError": "nas.errors",
    "RunStatus": "nas.api.records",
    "RunSummary": "nas.api.listing",
    "SearchRun": "nas.api.runs",
    "SpaceSummary": "nas.api.networks",
    "StoppedError": "nas.errors",
    "TrainedModel": "nas.api.models",
    "create_network": "nas.api.networks",
    "evaluate": "nas.api.measuring",
    "list_spaces": "nas.api.networks",
    "load": "nas.api.models",
    "open": "nas.api.runs",
    "print_events": "nas.api.events",
    "runs": "nas.api.listing",
    "train": "nas.api.training",
    "use_plugins": "nas.api.networks",
}
"""The module of each public name but `search` and `cost`, which are modules themselves: see `nas.callable`."""


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name in ("search", "cost"):
        return import_module(f"nas.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'nas' has no attribute '{name}'")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", "__doc__", "__name__", "__file__", "__path__"})
