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
"""The package and the entry-point group of search spaces; here, because this module does not load PyTorch."""

BROKEN_ENTRY_POINT = "the entry point"
"""The first words of the warning about an entry point that can't be loaded."""
_ROOM = 240
"""Maximum number of characters for the list of known names in an error."""


class UnknownNameError(ValueError):
    """Nothing is registered under a name. The message suggests the nearest registered name."""


def unknown_name(kind: str, name: str, known: Mapping[str, object] | list[str]) -> UnknownNameError:
    """Return the error for `name`: it suggests the nearest name in `known`, or lists `known` if no name is near."""
    names = sorted(known)
    by_folded = {n.casefold(): n for n in names}
    near = difflib.get_close_matches(shortened(name).casefold(), by_folded, n=1, cutoff=0.5)
    hint = f"did you mean '{by_folded[near[0]]}'?" if near else f"known are: {_listed(names)}."
    return UnknownNameError(f"There is no {kind} named '{shortened(name)}'; {hint}")


def _listed(names: list[str]) -> str:
    """Return the names as a list for an error, with the number of names that did not fit."""
    ends = itertools.accumulate(len(name) + 2 for name in names)
    held = sum(end <= _ROOM for end in ends)
    return ", ".join(names) if held == len(names) else f"{', '.join(names[:held])} and {len(names) - held} more"


class Registry(Generic[Member]):
    """A mapping from name to member, for one kind of thing.

    Members register themselves when their module is imported. The modules of `package` (unless it is None) and the
    entry points of the group `entry_points` are imported at the first look-up, so adding a member means adding one
    file.
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
        """Import an entry point of another package. A failure is only a warning: the user may not need this member."""
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
