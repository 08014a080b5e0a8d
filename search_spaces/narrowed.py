"""A narrowed space: some choices keep only some of their values. A user writes it as a YAML file:

    space: falsr
    allow: {"cell*.width": [16, 32], "cell?.repeats_log2": {max: 1}}
    fix: {"cell?.kernel": 3}

The names are `fnmatch` patterns. If several patterns match a choice, each of them narrows the choice further.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from search_spaces.choices import Choice, Choices, SpaceError, Values, may_be
from search_spaces.documents import DocumentError, read_yaml, shortened, shown
from search_spaces.part import Part
from search_spaces.registry import UnknownNameError, unknown_name
from search_spaces.space import SPACES, SearchSpace, SeedFamily

Allowed = Mapping[str, Sequence[Choice]]
"""The values left to each named choice, also if no value was removed."""

ENUMERABLE = 20_000
"""Up to this number of combinations, distinct architectures are counted by trying every combination."""

_FIELDS = ("space", "allow", "fix")


class NarrowedSpace(SearchSpace):
    """The space `base` with fewer values, under the same name: its architectures are architectures of the base.

    Its published points and seeds are those of the base that lie inside. A choice that the base pins stays pinned,
    unless `allow` names the choice: then the choice may take every value left to it.
    """

    def __init__(self, base: SearchSpace, allow: Allowed) -> None:
        """Narrow `base`. Raises SpaceError (or UnknownNameError) for a choice or a value that `base` doesn't have."""
        self.base = base
        self.allow = {name: _ordered(base, name, values) for name, values in allow.items()}
        options = dict(base.options)
        for name, kept in self.allow.items():
            options[name] = _narrowed(base.options[name], kept)
        pinned = {}
        for name, value in base.pinned.items():
            if len(options[name]) == 1:
                pinned[name] = options[name][0]
            elif name not in allow:
                pinned[name] = value
        # The registered spaces declare these in their class.
        vars(self).update(
            name=base.name,
            summary=base.summary,
            scales=base.scales,
            channels=base.channels,
            minimum_side=base.minimum_side,
            options=options,
            pinned=pinned,
            smallest={name: _nearest(value, options[name]) for name, value in base.smallest.items()},
            luma=base.luma,
            later=base.later,
            authors_names=base.authors_names,
        )
        vars(self).update(
            published={n: p for n, p in base.published.items() if self._holds(p.choices)},
            seed_families={n: _FamilyInside(family, self) for n, family in base.seed_families.items()},
        )

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        """Return the base's network."""
        return self.base.network(choices, scale, channels)

    def canonical(self, choices: Choices) -> Choices:
        """Return the canonical choices of the base. They may hold values that this space excludes."""
        return self.base.canonical(choices)

    def parts(self, choices: Choices, scale: int, channels: int) -> Sequence[Part] | None:
        """Return the base's parts."""
        return self.base.parts(choices, scale, channels)

    def translate(self, state: Mapping[str, Tensor], scale: int, channels: int) -> dict[str, Tensor]:
        """Return the tensors of an authors' checkpoint under our names."""
        return self.base.translate(state, scale, channels)

    def count(self) -> int:
        """Return the number of distinct architectures that are left; an upper limit unless `is_counted`."""
        return self._count

    @cached_property
    def is_counted(self) -> bool:
        """Whether `count` is exact: there are few combinations, or all combinations of the base are distinct."""
        return self._combinations <= ENUMERABLE or self.base.count() == _combinations(self.base)

    @cached_property
    def excluded(self) -> tuple[str, ...]:
        """The choices that may not take the value that they have in the base's cheapest network."""
        return tuple(n for n, value in self.base.smallest.items() if not is_among(value, self.options[n]))

    @cached_property
    def _count(self) -> int:
        if self._combinations > ENUMERABLE:
            return min(self._combinations, self.base.count())
        values = self.parameters()
        distinct = set()
        for chosen in product(*values.values()):
            canonical = self.canonical(dict(zip(values, chosen, strict=True)))
            distinct.add(repr(sorted(canonical.items())))  # as text, since 1 and True are equal
        return len(distinct)

    @cached_property
    def _combinations(self) -> int:
        return _combinations(self)

    def _holds(self, choices: Choices) -> bool:
        try:
            self.check({**choices, **self.pinned})
        except SpaceError:
            return False
        return True


@dataclass(frozen=True)
class _FamilyInside:
    """The networks of a family that a narrowed space holds."""

    family: SeedFamily
    space: NarrowedSpace

    def sizes(self) -> Iterator[tuple[str, Choices]]:
        """Yield the networks with their sizes in words. A choice without effect has any value that is left."""
        for size, choices in self.family.sizes():
            left = {name: _nearest(value, self.space.options[name]) for name, value in choices.items()}
            if left == choices or self.space.canonical(left) == self.space.canonical(choices):
                yield size, left


def narrowed(space: str, allow: Allowed) -> SearchSpace:
    """Return the registered space named `space`, narrowed if `allow` names any choice.

    Raises UnknownNameError for an unknown space, and the errors of `NarrowedSpace`.
    """
    base = SPACES.get(space)
    return NarrowedSpace(base, allow) if allow else base


def read_space(name: str) -> SearchSpace:
    """Return the space that a user names: a registered space, or the narrowed space in a YAML file.

    Raises UnknownNameError for an unknown name, and SpaceError that names the file and the mistake in it.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        return SPACES.get(name)
    try:
        return _from_data(read_yaml(path))
    except DocumentError as error:
        raise SpaceError(str(error)) from None
    except (SpaceError, UnknownNameError) as error:
        raise SpaceError(f"{name}: {error}") from None


def is_among(value: object, values: Sequence[Choice]) -> bool:
    """Return whether `values` contains `value` with the same type: `true` is not 1."""
    return any(value == v and type(value) is type(v) for v in values)


def _from_data(data: object) -> SearchSpace:
    fields = data if isinstance(data, Mapping) else {}
    for field in map(str, fields):
        if field not in _FIELDS:
            raise unknown_name("field of a narrowed space", field, list(_FIELDS))
    if not fields.get("space"):
        raise SpaceError("A narrowed space needs 'space', the name of a space; it may also have 'allow' and 'fix'.")
    base = SPACES.get(str(fields["space"]))
    allowed: dict[str, list[Choice]] = {}
    for pattern, wanted in [*_entries(fields, "allow"), *_entries(fields, "fix")]:
        for name in _matching(base, pattern):
            values, kept = base.options[name], _kept(base, name, wanted)
            allowed[name] = [v for v in allowed.get(name, list(values)) if is_among(v, kept)]
            if not allowed[name]:
                raise SpaceError(f"'{shortened(pattern)}' leaves no value to the choice '{name}'; it {may_be(values)}.")
    return NarrowedSpace(base, allowed)


def _entries(data: Mapping[str, Any], field: str) -> Iterator[tuple[str, Any]]:
    """Yield the patterns of one field and what they ask for: a list of values, or a mapping with min, max, step."""
    entries = data.get(field) or {}
    if not isinstance(entries, Mapping):
        raise SpaceError(f"'{field}' must map names of choices to values, not {shown(entries)}.")
    for pattern, wanted in entries.items():
        if field == "allow" and not isinstance(wanted, list | Mapping):
            raise SpaceError(
                f"'allow' takes a list of values or {{min, max, step}} for '{shortened(pattern)}', not {shown(wanted)}."
            )
        if field == "fix" and not isinstance(wanted, bool | int | float | str):
            raise SpaceError(f"'fix' takes one value for '{shortened(pattern)}', not {shown(wanted)}.")
        yield str(pattern), wanted if field == "allow" else [wanted]


def _matching(base: SearchSpace, pattern: str) -> list[str]:
    names = [name for name in base.options if fnmatchcase(name, pattern)]
    if not names:
        raise unknown_name(f"choice of the space '{base.name}'", pattern, list(base.options))
    return names


def _kept(base: SearchSpace, name: str, wanted: Any) -> Sequence[Choice]:
    if isinstance(wanted, Mapping):
        return _between(name, base.options[name], wanted)
    return _ordered(base, name, wanted) if wanted else ()


def _ordered(base: SearchSpace, name: str, wanted: Sequence[Choice]) -> tuple[Choice, ...]:
    """Return the wanted values of a choice in their order in `base`, which must have them all."""
    if name not in base.options:
        raise unknown_name(f"choice of the space '{base.name}'", name, list(base.options))
    values = base.options[name]
    for value in wanted:
        if not is_among(value, values):
            raise SpaceError(f"The choice '{name}' {may_be(values)}, not {shown(value)}.")
    if not wanted:
        raise SpaceError(f"The choice '{name}' is left no value; it {may_be(values)}.")
    return tuple(value for value in values if is_among(value, wanted))


def _between(name: str, values: Values, limits: Mapping[str, Any]) -> Sequence[Choice]:
    """Return the values from `min` to `max` in steps of `step`, starting at the first value within the limits."""
    if not isinstance(values, range):
        raise SpaceError(f"The choice '{name}' has no order, so it takes a list: it {may_be(values)}.")
    for field, number in limits.items():
        if field not in ("min", "max", "step"):
            raise unknown_name("limit of a choice", str(field), ["min", "max", "step"])
        if not isinstance(number, int) or isinstance(number, bool):
            raise SpaceError(f"'{field}' of the choice '{name}' must be an integer, not {shown(number)}.")
    step = limits.get("step", values.step)
    if step < 1 or step % values.step:
        raise SpaceError(f"The step of the choice '{name}' must be a multiple of {values.step}, not {shown(step)}.")
    inside = [v for v in values if limits.get("min", v) <= v <= limits.get("max", v)]
    return [v for v in inside if (v - inside[0]) % step == 0]


def _narrowed(values: Values, kept: tuple[Choice, ...]) -> Values:
    """Return the values that are left, as a range if the base has a range and the values are evenly spaced."""
    if not isinstance(values, range):
        return kept
    numbers = [value for value in kept if isinstance(value, int)]  # all of them: they are values of a range
    steps = {b - a for a, b in pairwise(numbers)} or {1}
    return range(numbers[0], numbers[-1] + 1, steps.pop()) if len(steps) == 1 else kept


def _nearest(value: Choice, values: Values) -> Choice:
    """Return `value` if it is left; else a likely cheap value: the nearest number, or the first value."""
    if is_among(value, values):
        return value
    numbers = [v for v in values if type(v) is int]
    if type(value) is not int or len(numbers) < len(values):
        return values[0]
    return min(numbers, key=lambda number: abs(number - value))


def _combinations(space: SearchSpace) -> int:
    return math.prod(len(values) for values in space.options.values())
