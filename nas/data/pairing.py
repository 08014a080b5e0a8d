"""Which LR file belongs to which HR file, and which LR files are of no use for a scale and a degradation."""

import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from nas.data.folder import Files, LeftOut
from nas.data.frames import Counts, Frame, frames_in, meaning_for
from nas.data.images import Pixels, UnreadableImageError, decode_image
from nas.data.roles import Label, Role, label_words, role_of, stem_of
from nas.errors import InputError

_ARRAYS = frozenset({".npy", ".raw"})
"""Endings of files that may hold anything else than images."""

_LOOKED_AT = 3
"""So many pairs of a folder tell the ratio of all; each pair is held against its own HR image when it's read."""

_LARGEST_RATIO = 16

_ALIKE = 0.8
"""Images of this correlation at one size are one picture."""

_SUFFIX = re.compile(r"([_-](hr|lr|gt|hq|lq))?([_-]?x(?P<scale>\d+))?$", re.IGNORECASE)
"""What file names have behind the stem that HR and LR share: `0001_HR`, `0001x2`, `0001_lr_x4`."""


@dataclass(frozen=True)
class Source:
    """One image of a set: its name inside the set, its HR frame, and its LR frame where the set brings one."""

    name: str
    hr: Frame
    lr: Frame | None = None


@dataclass(frozen=True)
class Listing:
    """The images of one set in the order of their names, and what of the set's files they aren't."""

    sources: tuple[Source, ...]
    unpaired: tuple[tuple[str, str], ...] = ()
    """(name, reason) of HR and LR files that lack each other: a fault of the folder."""
    left_out: tuple[LeftOut, ...] = ()
    """What is no part of the set for another reason, such as LR images of another scale."""
    given: Label | None = None
    """What the folder of the LR files says of them, where the set brings such."""
    others: int = 0
    """How many files of the folder are texts, tables and the like."""


@dataclass(frozen=True)
class Member:
    """An image below a set's folder: a file, or one of its frames."""

    frame: Frame
    relative: str
    """Path below the folder, with "/", and the number of the frame: `a/seq.tif#3`."""
    role: Role

    @property
    def key(self) -> str:
        """`relative` without the folders that only say which part or resolution it is: equal for HR and LR."""
        return self.role.key + self.frame.label.removeprefix(self.frame.path.name)

    @property
    def stem(self) -> str:
        """Equal for the HR and the LR file of one image, but for a suffix of the LR file's name."""
        return stem_of(self.role.key)


@dataclass(frozen=True)
class Wanted:
    """The LR images that a command needs."""

    scale: int
    degradation: str
    counts: Counts | None = None
    """The scale of values that aren't of 8 or 16 bits; None: what `images.yaml` says."""

    def __str__(self) -> str:
        return f"{self.degradation} x{self.scale}"

    @property
    def is_usual(self) -> bool:
        """Whether the degradation is the one that stands where nobody named any."""
        return self.degradation == ("noise" if self.scale == 1 else "bicubic")


def members_of(files: Files, wanted: Wanted) -> tuple[list[Member], list[LeftOut]]:
    """Return the images of a folder with what the names around them say, and the arrays that can't be taken for any.

    Folders called by words that also mean other things (`low`, `input`, a lone `X2`) are of LR images only where the
    same names lie beside them in a larger size. Raises `InputError` for a wrong `images.yaml`.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = list(pool.map(partial(_frames, files.folder, wanted.counts), files.images))
    left_out = [LeftOut(files.name(p), f) for p, f in zip(files.images, found, strict=True) if isinstance(f, str)]
    frames = [frame for of_file in found if not isinstance(of_file, str) for frame in of_file]
    members = [_member(files, frame, wanted, True) for frame in frames]
    doubtful: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        if member.role.is_doubtful and member.role.low:
            doubtful[member.role.low.folder].append(member)
    high = [member for member in members if member.role.low is None]
    accepted = set()
    for folder, group in doubtful.items():
        ratio = _ratio(high, group, wanted.scale)
        if ratio is not None and (ratio > 1 or wanted.scale == 1):
            accepted.add(folder)

    def is_believed(role: Role) -> bool:
        return not role.is_doubtful or (role.low.folder in accepted if role.low else bool(accepted))

    return [m if is_believed(m.role) else _member(files, m.frame, wanted, False) for m in members], left_out


def _frames(root: Path, counts: Counts | None, path: Path) -> tuple[Frame, ...] | str:
    """Return the frames of a file, or for an array without a stated shape or scale why it is left out.

    A damaged file is one frame, so that reading it says what is wrong.
    """
    try:
        return frames_in(path, meaning_for(path, root, counts))
    except UnreadableImageError as error:
        return error.reason if path.suffix.lower() in _ARRAYS else (Frame(path),)


def _member(files: Files, frame: Frame, wanted: Wanted, with_doubtful: bool) -> Member:
    relative = files.name(frame.path)
    role = role_of(Path(relative), wanted.degradation, with_doubtful=with_doubtful)
    return Member(frame, relative + frame.label.removeprefix(frame.path.name), role)


def pair(folder: Path, members: Sequence[Member], wanted: Wanted) -> Listing:
    """Return the HR files among `members` as a set, each with its LR file where there are such as are `wanted`.

    Raises `InputError` for LR files without any HR file, and where one picture lies there at two sizes as if both
    were HR.
    """
    high = [member for member in members if member.role.low is None]
    stems, tails = {member.stem for member in high}, {member.role.tail for member in high}
    low: dict[Label, list[Member]] = defaultdict(list)
    for member in members:
        if member.role.low is not None:
            low[_label(member, stems, tails)].append(member)
    if low and not high:
        _refuse_low_alone(folder, [member for group in low.values() for member in group])
    _refuse_two_sizes(folder, high)
    left_out: list[LeftOut] = []
    fitting: list[tuple[Label, list[Member]]] = []
    for label, group in low.items():
        if reason := _misfit(label, group, high, wanted):
            left_out += [LeftOut(member.relative, reason) for member in group]
        else:
            fitting.append((label, group))
    # What says what it is decides before what doesn't.
    fitting.sort(key=lambda found: (not found[0].degradation, found[0].scale is None))
    for _, group in fitting[1:]:
        reason = f"LR images in {_folder(fitting[0][1])} are used instead"
        left_out += [LeftOut(member.relative, reason) for member in group]
    named = _names(high)
    if not fitting:
        return Listing(tuple(Source(name, member.frame) for name, member in named), left_out=tuple(left_out))
    label, group = fitting[0]
    matches, lone = _matches([member for _, member in named], group)
    sources = [Source(n, m.frame, matches[m.relative].frame) for n, m in named if m.relative in matches]
    where = f"LR_{wanted.degradation}/X{wanted.scale}" if label.degradation else _folder(group)
    unpaired = [(m.relative, f"has no LR image in {where}") for _, m in named if m.relative not in matches]
    unpaired += [(member.relative, "is an LR image without its HR image") for member in lone]
    given = Label(label.degradation, label.scale, _folder(group))
    return Listing(tuple(sources), tuple(unpaired), tuple(left_out), given)


def _label(member: Member, stems: Set[str], tails: Set[tuple[str, ...]]) -> Label:
    """Return what decides whether an LR file is wanted, by its folders and by the stems and tails of the HR files."""
    assert member.role.low is not None
    made_by, scale = member.role.low.degradation, member.role.low.scale
    suffix = _SUFFIX.search(member.stem)
    if scale is None and suffix and suffix["scale"] and member.stem not in stems:
        scale = int(suffix["scale"])
    if made_by in tails:  # HR_night beside LR_night
        made_by = ()
    return Label(made_by, scale, "")


def _folder(group: Sequence[Member]) -> str:
    return group[0].role.low.folder if group[0].role.low else ""


def _misfit(label: Label, group: Sequence[Member], high: Sequence[Member], wanted: Wanted) -> str | None:
    """Say why LR files of a label aren't used; None for those that are."""
    if label.scale not in (None, wanted.scale):
        return f"LR images for x{label.scale}, and this is for {wanted}"
    if label.degradation:
        if label.degradation != label_words(wanted.degradation):
            return f"LR images made by '{' '.join(label.degradation)}', and this is for {wanted}"
    elif not wanted.is_usual:
        return f"LR images of which no name says that they are made by '{wanted.degradation}'"
    if label.degradation and label.scale:
        return None
    ratio = _ratio(high, group, wanted.scale)
    if ratio in (None, wanted.scale):
        return None
    return f"LR images for x{ratio} by their size, and this is for {wanted}"


def _matches(high: Iterable[Member], low: Sequence[Member]) -> tuple[dict[str, Member], list[Member]]:
    """Return the LR file of each HR file, by the latter's path, and the LR files that are left over."""
    exact: dict[tuple[str, int], list[Member]] = defaultdict(list)
    bare: dict[tuple[str, int], list[Member]] = defaultdict(list)
    for member in low:
        exact[member.stem, member.frame.index].append(member)
        bare[_SUFFIX.sub("", member.stem), member.frame.index].append(member)
    matches: dict[str, Member] = {}
    used: set[str] = set()
    for member in high:
        stem, index = member.stem, member.frame.index
        found = exact.get((stem, index)) or bare.get((stem, index)) or bare.get((_SUFFIX.sub("", stem), index)) or []
        free = [other for other in found if other.relative not in used]
        of_family = [other for other in free if other.role.family == member.role.family]
        if len(of_family or free) == 1:
            match = (of_family or free)[0]
            matches[member.relative] = match
            used.add(match.relative)
    return matches, [member for member in low if member.relative not in used]


def _ratio(high: Sequence[Member], low: Sequence[Member], wanted: int) -> int | None:
    """How many times larger HR images are than their LR images; None where pairs differ or there are none."""
    matches, _ = _matches(high, low)
    pairs = [(member.frame, matches[member.relative].frame) for member in high if member.relative in matches]
    ratios = set()
    for hr, lr in pairs[:: max(len(pairs) // _LOOKED_AT, 1)][:_LOOKED_AT]:
        images = _decoded(hr), _decoded(lr)
        if images[0] is not None and images[1] is not None:
            ratios.add(_times(images[0], images[1], wanted))
    return ratios.pop() if len(ratios) == 1 else None


def _decoded(frame: Frame) -> Pixels | None:
    try:
        return decode_image(frame).pixels
    except UnreadableImageError:
        return None


def _times(large: Pixels, small: Pixels, wanted: int = 0) -> int | None:
    """How many times larger one image is than another, its odd rows and columns left out; None for no whole number."""
    for ratio in [wanted] * bool(wanted) + list(range(1, _LARGEST_RATIO + 1)):
        if tuple(small.shape) == (large.shape[0] // ratio, large.shape[1] // ratio):
            return ratio
    return None


def _refuse_low_alone(folder: Path, low: Sequence[Member]) -> None:
    where = _folder(low)
    raise InputError(
        f"{folder} holds LR images alone ({len(low)} in {where}); put their HR images into a folder HR beside them, "
        f"or, if these are the images to learn, name {folder / where} itself."
    )


def _refuse_two_sizes(folder: Path, high: Sequence[Member]) -> None:
    """Raise `InputError` where a picture lies among the HR files at two sizes, as pairs in folders of unknown names."""
    by_stem: dict[tuple[str, int], list[Member]] = defaultdict(list)
    for member in high:
        by_stem[_SUFFIX.sub("", PurePosixPath(member.stem).name), member.frame.index].append(member)
    namesakes = [group for group in by_stem.values() if len(group) > 1]
    for group in namesakes[:: max(len(namesakes) // _LOOKED_AT, 1)][:_LOOKED_AT]:
        images = [(member, pixels) for member in group[:4] if (pixels := _decoded(member.frame)) is not None]
        images.sort(key=lambda found: -found[1].size)
        for (large, its), (small, own) in pairwise(images):
            ratio = _times(its, own) or 1
            if ratio > 1 and _are_alike(its, own):
                raise InputError(
                    f"{folder}: {large.relative} and {small.relative} are one picture at two sizes (x{ratio}); call "
                    "their folders HR and LR to use them as pairs, or name one of the folders."
                )


def _are_alike(large: Pixels, small: Pixels) -> bool:
    reduced = cv2.resize(large.astype(np.float32), small.shape[::-1], interpolation=cv2.INTER_AREA)
    if min(float(reduced.std()), float(small.std())) == 0:
        return False
    return abs(float(np.corrcoef(reduced.ravel(), small.ravel())[0, 1])) > _ALIKE


def _names(members: Sequence[Member]) -> list[tuple[str, Member]]:
    """Names below the folder that all have in common, so that a set has the same names wherever it's opened from."""
    if not members:
        return []
    common = posixpath.commonpath([str(PurePosixPath(member.key).parent) for member in members]) or "."
    short = [str(PurePosixPath(member.key).relative_to(common)) for member in members]
    count = Counter(short)
    named = [(n if count[n] == 1 else member.relative, member) for n, member in zip(short, members, strict=True)]
    return sorted(named, key=lambda pair: pair[0])
