"""The part of a space that a chip takes whole."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from nas.deploy.fit import fit
from nas.deploy.target import Target
from nas.errors import InputError, RunError
from search_spaces import Architecture, Choice, Choices, SearchSpace
from search_spaces.choices import SpaceError, Values
from search_spaces.narrowed import narrowed

LR = (64, 48)
"""(width, height) of the LR image for which graphs are written; operators do not depend on it where it fits."""

MOST_EXAMPLES = 2
"""Number of published networks in which values are tried, beside the smallest network."""


def narrowed_for(space: SearchSpace, target: Target, scale: int, channels: int = 1) -> SearchSpace:
    """Return a space with the values of its choices that a target takes whole, all operators on its accelerator.

    Each value is tried in the smallest network of the space and in published networks that the target takes; of a range
    of numbers the ends are tried. Widths are left in the multiples in which the target computes channels. This takes a
    minute or two in a large space, once in a process. Raises InputError if the target takes no network of the space.
    """
    before = {name: tuple(values) for name, values in getattr(space, "allow", {}).items()}
    allow = _allowed(space.name, tuple(sorted(before.items())), target.model_dump_json(), scale, channels)
    return narrowed(space.name, before | allow) if allow else space


def in_words(space: SearchSpace, before: SearchSpace, target: Target) -> str:
    """Return a sentence on what a target leaves of the choices of a space."""
    told = []
    for name, values in before.options.items():
        left = space.options[name]
        if len(left) < len(values) and not re.search("[2-9]", name):  # other cells lose the same as cell 1
            shown = ", ".join(map(str, left)) if len(left) <= len(values) / 2 else f"all but {_gone(values, left)}"
            told.append(f"{name} {shown}")
    return f"{target.title} takes of '{space.name}': {'; '.join(told) or 'everything'}."


def _gone(values: Sequence[Choice], left: Sequence[Choice]) -> str:
    return ", ".join(str(value) for value in values if value not in left)


@lru_cache(maxsize=16)
def _allowed(
    name: str, before: tuple[tuple[str, tuple[Choice, ...]], ...], target_json: str, scale: int, channels: int
) -> dict[str, tuple[Choice, ...]]:
    """Return the values left to each choice of a space, narrowed by `before`, that loses any."""
    space, target = narrowed(name, dict(before)), Target.model_validate_json(target_json)
    operators = _Operators(space, target, scale, channels)
    examples = _examples(space, operators)
    if not examples:
        raise InputError(
            f"{target.title} takes no small network of '{space.name}'; nas cost --for {target.name} --ops shows why."
        )
    allow: dict[str, tuple[Choice, ...]] = {}
    left: dict[str, tuple[Choice, ...]] = {}
    for name, values in space.options.items():
        if name in space.pinned:
            continue
        kind = re.sub("[0-9]+", "", name)  # cell1.block and cell2.block take the same blocks
        if kind not in left:
            left[kind] = _taken(name, values, examples, operators) or (examples[0][name],)
            if kind.endswith("width"):
                left[kind] = _in_multiples(left[kind], target.channel_multiple)
        fine = tuple(value for value in values if value in left[kind])
        if 0 < len(fine) < len(values):
            allow[name] = fine
    return allow


class _Operators:
    """Counts the operators of networks of a space as a target gets them; each network is written once."""

    def __init__(self, space: SearchSpace, target: Target, scale: int, channels: int) -> None:
        self._space, self._target, self._scale, self._channels = space, target, scale, channels
        self._known: dict[str, int] = {}

    def __call__(self, choices: Choices) -> int:
        """Return the number of operators of a network; 0 if the target does not take all of them."""
        try:
            architecture = Architecture(self._space.name, self._scale, self._channels, choices)
            if architecture.fingerprint not in self._known:
                found = fit(architecture, self._target, LR)
                is_whole = not found.refused and not self._target.on_cpu(found.operators)
                self._known[architecture.fingerprint] = len(found.operators) if is_whole else 0
        except (SpaceError, RunError):
            return 0
        return self._known[architecture.fingerprint]


def _in_multiples(widths: tuple[Choice, ...], multiple: int) -> tuple[Choice, ...]:
    """Return the widths that are multiples; all of them if none is."""
    return tuple(width for width in widths if int(width) % multiple == 0) or widths


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
