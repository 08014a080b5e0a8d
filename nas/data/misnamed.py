"""Refusing folders whose names hide what they hold: LR images alone, and pairs that are not in folders HR and LR."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from nas.data.images import Pixels
from nas.data.listing import Member
from nas.data.matching import SAMPLED_PAIRS, SUFFIX, decoded, times_larger
from nas.errors import InputError

_SAME_PICTURE = 0.8
"""Two images with a larger correlation, at the same size, are the same picture."""


def refuse_low_alone(folder: Path, low: Sequence[Member]) -> None:
    """Raise InputError for a folder with LR images and no HR images."""
    where = low[0].role.low.folder if low[0].role.low else ""
    raise InputError(
        f"{folder} holds LR images alone ({len(low)} in {where}); put their HR images into a folder HR beside them, "
        f"or, if these are the images to learn, name {folder / where} itself."
    )


def refuse_two_sizes(folder: Path, high: Sequence[Member]) -> None:
    """Raise InputError if some HR images are LR images of others, by their names or by their pixels."""
    namesakes: dict[tuple[str | None, str, int], list[Member]] = defaultdict(list)
    for member in high:
        name = SUFFIX.sub("", PurePosixPath(member.stem).name)
        namesakes[member.role.part, name, member.frame.index].append(member)
    groups = [group for group in namesakes.values() if len(group) > 1]
    for group in groups:
        _refuse_by_names(folder, group)
    for group in groups[:: max(len(groups) // SAMPLED_PAIRS, 1)][:SAMPLED_PAIRS]:
        _refuse_by_pixels(folder, group)


def _refuse_by_names(folder: Path, group: Sequence[Member]) -> None:
    low = [member for member in group if _is_called_low(member)]
    high = [member for member in group if not _is_called_low(member)]
    if low and high:
        raise InputError(
            f"{folder}: {low[0].relative} is the LR image of {high[0].relative} by its name; put HR images into a "
            "folder HR and LR images into a folder LR."
        )


def _refuse_by_pixels(folder: Path, group: Sequence[Member]) -> None:
    images = []
    for member in group[:4]:
        pixels = decoded(member.frame)
        if pixels is not None:
            images.append((member, pixels))
    images.sort(key=lambda entry: -entry[1].size)
    for (large, large_pixels), (small, small_pixels) in pairwise(images):
        ratio = times_larger(large_pixels, small_pixels) or 1
        if ratio > 1 and _is_same_picture(large_pixels, small_pixels):
            raise InputError(
                f"{folder}: {large.relative} and {small.relative} are one picture at two sizes (x{ratio}); call "
                "their folders HR and LR to use them as pairs, or name one of the folders."
            )


def _is_called_low(member: Member) -> bool:
    suffix = SUFFIX.search(member.stem)
    return suffix is not None and (suffix["side"] or "").lower() in ("lr", "lq")


def _is_same_picture(large: Pixels, small: Pixels) -> bool:
    reduced = cv2.resize(large.astype(np.float32), small.shape[::-1], interpolation=cv2.INTER_AREA)
    if min(float(reduced.std()), float(small.std())) == 0:
        return False
    return abs(float(np.corrcoef(reduced.ravel(), small.ravel())[0, 1])) > _SAME_PICTURE
