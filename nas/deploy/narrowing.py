"""The part of a space that a chip takes whole."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from nas.deploy.fit import fit
from nas.deploy.target import Target
from nas.errors import InputError, RunError
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.choices import SpaceError, Values
from search_spaces.narrowed import NarrowedSpace

LR = (64, 48)
"""(width, height) of the LR image for which graphs are written; operators do not depend on it where it fits."""

MOST_EXAMPLES = 2
"""Number of published networks in which values are tried, beside the smallest network."""


def narrowed_for(space: SearchSpace, target: Target, scale: int, channels: int = 1) -> SearchSpace:
    """Return a space with the values of its choices that a target takes whole, all operators on its accelerator.

    Each value is tried in the smallest network of the space and in published networks that the target takes; of a range
    of numbers the ends are tried. Widths are left in the multiples in which the target computes channels. This takes
    some seconds, once in a process. Raises InputError if the target takes no network of the space.
    """
    allow = _allowed(_Known(space), target.model_dump_json(), scale, channels)
    return NarrowedSpace(getattr(space, "base", space), dict(getattr(space, "allow", {})) | allow) if allow else space


def in_words(space: SearchSpace, before: SearchSpace, target: Target) -> str:
    """Return a sentence on what a target leaves of the choices of a space."""
    told = []
    for name, values in before.options.items():
        left = space.options[name]
        if (len(left) < len(values) and not name.startswith("cell")) or (name.startswith("cell1.") and left != values):
            shown = ", ".join(map(str, left)) if len(left) <= len(values) / 2 else f"all but {_gone(values, left)}"
            told.append(f"{name} {shown}")
    return f"{target.title} takes of '{space.name}': {'; '.join(told) or 'everything'}."


def _gone(values: Sequence[Choice], left: Sequence[Choice]) -> str:
    return ", ".join(str(value) for value in values if value not in left)


class _Known:
    """A space as a key of a cache: equal for the same narrowing of the same space."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._key = space.name, tuple((name, tuple(values)) for name, values in space.options.items())

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self._key == other._key


@lru_cache(maxsize=16)
def _allowed(known: _Known, target_json: str, scale: int, channels: int) -> dict[str, tuple[Choice, ...]]:
    """Return the values left to each choice that loses any."""
    target = Target.model_validate_json(target_json)
    space, verdicts = known.space, dict[str, int]()

    def taken_operators(choices: Choices) -> int:
        """Return the number of operators of a network; 0 if the target does not take all of them."""
        try:
            architecture = Architecture(space.name, scale, channels, choices)
            fingerprint = architecture.fingerprint
            if fingerprint not in verdicts:
                found = fit(architecture, target, LR)
                is_whole = not found.refused and not target.on_cpu(found.operators)
                verdicts[fingerprint] = len(found.operators) if is_whole else 0
        except (SpaceError, RunError):
            return 0
        return verdicts[fingerprint]

    examples = _examples(space, taken_operators)
    if not examples:
        raise InputError(
            f"{target.title} takes no small network of '{space.name}'; nas cost --for {target.name} --ops shows why."
        )
    left: dict[str, tuple[Choice, ...]] = {}
    for name, values in space.options.items():
        kind = re.sub("[0-9]+", "", name)  # cell1.block and cell2.block take the same blocks
        if kind not in left and name not in space.pinned:
            left[kind] = _taken(name, values, examples, taken_operators)
            if kind.endswith("width"):
                fitting = tuple(value for value in left[kind] if int(value) % target.channel_multiple == 0)
                left[kind] = fitting or left[kind]
    allow = {}
    for name, values in space.options.items():
        kept = left.get(re.sub("[0-9]+", "", name), values)
        fine = tuple(value for value in values if value in kept)
        if 0 < len(fine) < len(values) and name not in space.pinned:
            allow[name] = fine
    return allow


def _taken(
    name: str, values: Values, examples: Sequence[Choices], operators: Callable[[Choices], int]
) -> tuple[Choice, ...]:
    """Return the values of a choice that are taken in all examples."""

    def everywhere(value: Choice) -> bool:
        return all(operators({**example, name: value}) for example in examples)

    if isinstance(values, range) and everywhere(values[0]) and everywhere(values[-1]):
        return tuple(values)
    return tuple(value for value in values if everywhere(value))


def _examples(space: SearchSpace, operators: Callable[[Choices], int]) -> list[Choices]:
    """Return networks of a space that are taken: the simplest, and published ones of the most operators.

    They are tried with everything switched on, too. Some values have an effect only beside others: features are fused
    only where cells are marked for it.
    """
    every = [dict(space.smallest), *(dict(published.choices) for published in space.published.values())]
    switches = {name: True for name, values in space.options.items() if values == (False, True)}
    forms = [{**choices, **more, **space.pinned} for choices in every for more in ({}, switches)]
    found = sorted((count, place) for place, form in enumerate(forms) if (count := operators(form)))
    return [forms[place] for _, place in found[:1] + found[1:][-MOST_EXAMPLES:]]
