"""A registry of named things (spaces, proxies, metrics): its members come from a package, entry points and plugins."""

import difflib
import importlib
import importlib.metadata
import itertools
import pkgutil
import warnings
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from search_spaces.documents import shortened

Member = TypeVar("Member")

SPACE_PACKAGE, SPACE_ENTRY_POINTS = "search_spaces.families", "nas.search_spaces"
"""Where search spaces come from; said here, where it can be read without loading PyTorch."""

BROKEN_ENTRY_POINT = "the entry point"
"""How the warning of one begins."""
_ROOM = 240
"""How many characters of known names an error lists."""


class UnknownNameError(ValueError):
    """A name that nothing is registered under; the message suggests the nearest."""


def unknown_name(kind: str, name: str, known: Mapping[str, object] | list[str]) -> UnknownNameError:
    """Return the error for `name`, naming its nearest match among `known`, or all of them when none is near."""
    names = sorted(known)
    by_folded = {n.casefold(): n for n in names}
    near = difflib.get_close_matches(shortened(name).casefold(), by_folded, n=1, cutoff=0.5)
    hint = f"did you mean '{by_folded[near[0]]}'?" if near else f"known are: {_listed(names)}."
    return UnknownNameError(f"There is no {kind} named '{shortened(name)}'; {hint}")


def _listed(names: list[str]) -> str:
    """Return the names as an error lists them, as many as there is room for."""
    ends = itertools.accumulate(len(name) + 2 for name in names)
    held = sum(end <= _ROOM for end in ends)
    return ", ".join(names) if held == len(names) else f"{', '.join(names[:held])} and {len(names) - held} more"


class Registry(Generic[Member]):
    """Name → member, for one kind of thing.

    Members register themselves when their module is imported. The modules of `package`, where there is one, and the
    entry points of group `entry_points` are imported at the first look-up, so adding a member means adding one file.
    """

    def __init__(self, kind: str, package: str | None, entry_points: str) -> None:
        self._kind = kind
        self._package = package
        self._entry_points = entry_points
        self._members: dict[str, Member] = {}
        self._loaded = False

    def add(self, name: str, member: Member) -> None:
        """Register `member` under `name`. Raises ValueError if the name is taken."""
        if name in self._members:
            raise ValueError(f"The {self._kind} '{name}' is registered twice.")
        self._members[name] = member

    def get(self, name: str) -> Member:
        """Return the member of that name. Raises UnknownNameError."""
        self._load()
        if name not in self._members:
            raise unknown_name(self._kind, name, dict(self._members))
        return self._members[name]

    def names(self) -> list[str]:
        """Return all registered names, sorted."""
        self._load()
        return sorted(self._members)

    def in_order(self) -> list[Member]:
        """Return the members in the order in which they were registered."""
        self._load()
        return list(self._members.values())

    def __iter__(self) -> Iterator[Member]:
        return (self._members[name] for name in self.names())

    def _load(self) -> None:
        if self._loaded:
            return
        if self._package is not None:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{module.name}")
        self._loaded = True
        for entry_point in importlib.metadata.entry_points(group=self._entry_points):
            self._load_entry_point(entry_point)

    def _load_entry_point(self, entry_point: importlib.metadata.EntryPoint) -> None:
        """Import what another package offers; what it can't import is a warning, since it may not be asked for."""
        try:
            entry_point.load()
        except Exception as error:
            package = f"'{entry_point.dist.name}'" if entry_point.dist else "another package"
            reason = (str(error).splitlines() or [""])[0].rstrip(".")
            warnings.warn(
                f"{BROKEN_ENTRY_POINT} {entry_point.group}:{entry_point.name} of the package {package} is left out, "
                f"since it can't be loaded ({type(error).__name__}: {reason})",
                stacklevel=2,
            )
