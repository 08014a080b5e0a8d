"""An architecture: a point of a search space, as plain data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn

from search_spaces.choices import Choice, Choices, SpaceError, Trial
from search_spaces.documents import DocumentError, parse_yaml, read_yaml, shortened, shown, to_yaml
from search_spaces.registry import UnknownNameError, unknown_name
from search_spaces.space import SPACES


@dataclass(frozen=True, eq=False)
class Architecture:
    """The space's name, the scale, the image channels and the flat choices: all that is needed to build a network.

    `choices` are exactly the parameters of an Optuna trial, so a trial becomes an architecture and back with no
    translation. Two architectures are the same network if and only if their fingerprints are equal.

    Example:
        >>> architecture = nas.Architecture.published("falsr/FALSR-B", scale=4)
        >>> architecture == nas.Architecture.from_yaml(architecture.to_yaml())
        True
    """

    space: str
    scale: int
    channels: int
    choices: Choices

    def __post_init__(self) -> None:
        """Complete choices that were written before their space got more of them."""
        if self.space in SPACES.names():
            object.__setattr__(self, "choices", SPACES.get(self.space).completed(self.choices))

    @classmethod
    def suggest(cls, space: str, scale: int, channels: int, trial: Trial) -> "Architecture":
        """Ask `trial` for the choices of `space`."""
        return cls(space, scale, channels, dict(SPACES.get(space).suggest(trial)))

    @classmethod
    def published(cls, name: str, scale: int = 2, channels: int = 1) -> "Architecture":
        """Return the published point `SPACE/POINT`. Raises UnknownNameError for an unknown space or point."""
        space_name, _, point = name.partition("/")
        space = SPACES.get(space_name)
        if point not in space.published:
            raise unknown_name(f"published point of '{space_name}'", point, dict(space.published))
        return cls(space_name, scale, channels, dict(space.published[point].choices))

    def build(self) -> nn.Module:
        """Return the network, initialised from the torch seed. Raises SpaceError if the space can't build it."""
        return SPACES.get(self.space).build(self.choices, self.scale, self.channels)

    def check(self) -> None:
        """Raise SpaceError (or UnknownNameError) unless the choices belong to the space."""
        SPACES.get(self.space).check(self.choices)

    def replaced(self, **choices: Choice) -> "Architecture":
        """Return a copy with some choices replaced."""
        return Architecture(self.space, self.scale, self.channels, {**self.choices, **choices})

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the canonical form, 16 hex digits: two fingerprints are equal exactly if the networks are equal."""
        space = SPACES.get(self.space)
        canonical = space.canonical(self.choices)
        # A value that was once the only one is left out, as it was then.
        named = [(name, value) for name, value in canonical.items() if space.later.get(name) != value]
        content = [self.space, self.scale, self.channels, sorted(named)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return self.fingerprint == other.fingerprint if isinstance(other, Architecture) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @property
    def seed(self) -> int:
        """A 31-bit training seed derived from the fingerprint: the same for this network whoever trains it."""
        return int(self.fingerprint, 16) % (1 << 31)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, in the order of the fields."""
        return {"space": self.space, "scale": self.scale, "channels": self.channels, "choices": dict(self.choices)}

    @classmethod
    def from_dict(cls, data: object) -> "Architecture":
        """Read the output of `to_dict`. Raises SpaceError (or UnknownNameError) naming the missing or wrong field."""
        if not isinstance(data, Mapping):
            raise SpaceError("An architecture must be a mapping with space, scale, channels and choices.")
        fields = {"space": str, "scale": int, "channels": int, "choices": Mapping}
        for name, kind in fields.items():
            value = data.get(name)
            if not isinstance(value, kind) or isinstance(value, bool):  # a bool is an int in Python
                raise SpaceError(f"An architecture needs '{name}' ({kind.__name__.lower()}), not {shown(value)}.")
        if extra := set(data) - set(fields):
            raise SpaceError(f"An architecture has no field '{shortened(min(map(str, extra)))}'.")
        architecture = cls(
            data["space"], data["scale"], data["channels"], {str(k): v for k, v in data["choices"].items()}
        )
        architecture.check()
        return architecture

    def to_yaml(self) -> str:
        """Return the architecture as a YAML document."""
        return to_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> "Architecture":
        """Read a YAML document. Raises SpaceError (or UnknownNameError)."""
        try:
            return cls.from_dict(parse_yaml(text, "The architecture"))
        except DocumentError as error:
            raise SpaceError(str(error)) from None

    @classmethod
    def read(cls, path: Path) -> "Architecture":
        """Read an `architecture.yaml`. Raises SpaceError naming the file."""
        try:
            return cls.from_dict(read_yaml(path))
        except DocumentError as error:
            raise SpaceError(str(error)) from None
        except (SpaceError, UnknownNameError) as error:
            raise SpaceError(f"{path}: {error}") from None
