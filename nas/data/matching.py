"""Which LR file belongs to which HR file by their names, and how many times larger HR images are."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from nas.data.frames import Frame
from nas.data.images import Pixels, UnreadableImageError, decode_image
from nas.data.listing import Member

SAMPLED_PAIRS = 3
"""Number of pairs that are decoded to find the ratio of sizes. Later, each pair is checked when it is read."""

_LARGEST_RATIO = 16

SUFFIX = re.compile(r"([_-](?P<side>hr|lr|gt|hq|lq))?([_-]?x(?P<scale>\d+))?$", re.IGNORECASE)
"""The end of a file's name after the stem that HR and LR share: `0001_HR`, `0001x2`, `0001_lr_x4`."""


def match(high: Iterable[Member], low: Sequence[Member]) -> tuple[dict[str, Member], list[Member]]:
    """Return the LR member of each HR member, by the HR member's `relative`, and the LR members without HR.

    An HR member without exactly one LR member is not matched.
    """
    exact: dict[tuple[str, int], list[Member]] = defaultdict(list)
    bare: dict[tuple[str, int], list[Member]] = defaultdict(list)
    for member in low:
        exact[member.stem, member.frame.index].append(member)
        bare[SUFFIX.sub("", member.stem), member.frame.index].append(member)
    matches: dict[str, Member] = {}
    used: set[str] = set()
    for member in high:
        stem, index = member.stem, member.frame.index
        found = exact.get((stem, index)) or bare.get((stem, index)) or bare.get((SUFFIX.sub("", stem), index)) or []
        free = [other for other in found if other.relative not in used]
        # Among equal names, those of the same data set (`DIV2K_HR`, `DIV2K_LR`) come first.
        same_family = [other for other in free if other.role.family == member.role.family]
        candidates = same_family or free
        if len(candidates) == 1:
            matches[member.relative] = candidates[0]
            used.add(candidates[0].relative)
    return matches, [member for member in low if member.relative not in used]


def ratio_of(high: Sequence[Member], low: Sequence[Member], wanted: int) -> int | None:
    """Return how many times larger HR images are than their LR images; None if pairs differ, or without any pair."""
    matches, _ = match(high, low)
    pairs = [(member.frame, matches[member.relative].frame) for member in high if member.relative in matches]
    ratios = set()
    for hr, lr in pairs[:: max(len(pairs) // SAMPLED_PAIRS, 1)][:SAMPLED_PAIRS]:
        large, small = decoded(hr), decoded(lr)
        if large is not None and small is not None:
            ratios.add(times_larger(large, small, wanted))
    return ratios.pop() if len(ratios) == 1 else None


def decoded(frame: Frame) -> Pixels | None:
    """Return the pixels of a frame; None if it can't be read."""
    try:
        return decode_image(frame).pixels
    except UnreadableImageError:
        return None


def times_larger(large: Pixels, small: Pixels, wanted: int = 0) -> int | None:
    """Return how many times larger an image is, without its odd rows and columns; None if it is no whole number.

    Several ratios fit a tiny image. Then `wanted` is returned if it fits.
    """
    ratios = [wanted] if wanted else []
    ratios += range(1, _LARGEST_RATIO + 1)
    for ratio in ratios:
        if tuple(small.shape) == (large.shape[0] // ratio, large.shape[1] // ratio):
            return ratio
    return None
