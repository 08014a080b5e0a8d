"""The images below a folder, each with what the names around it say: its part, and whether it is HR or LR."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nas.data.folder import Files, LeftOut
from nas.data.frames import Counts, Frame, frames_in, meaning_for
from nas.data.images import UnreadableImageError
from nas.data.listing import Member, Wanted
from nas.data.matching import ratio_of
from nas.data.roles import Role, role_of

_ARRAYS = frozenset({".npy", ".raw"})
"""Endings of files that may hold something other than an image."""

_CHUNK = 64
"""Number of files whose headers one thread reads at a time."""


def members_of(files: Files, wanted: Wanted) -> tuple[list[Member], list[LeftOut]]:
    """Return the images of a folder with their roles, and the arrays that can't be read as images.

    Some names of folders have other meanings, too (`low`, `input`, a lone `X2`). Such a folder holds LR images only if
    there are images of the same names and of a larger size beside it. Raises InputError for a wrong `images.yaml`.
    """
    found = _frames_of_all(files, wanted.counts)
    left_out: list[LeftOut] = []
    frames: list[Frame] = []
    for path, of_file in zip(files.images, found, strict=True):
        if isinstance(of_file, str):
            left_out.append(LeftOut(files.name(path), of_file))
        else:
            frames += of_file
    members = [_member(files, frame, wanted, with_doubtful=True) for frame in frames]
    confirmed = _confirmed_folders(members, wanted.scale)
    checked = []
    for member in members:
        if not _is_confirmed(member.role, confirmed):
            member = _member(files, member.frame, wanted, with_doubtful=False)
        checked.append(member)
    return checked, left_out


def _confirmed_folders(members: Sequence[Member], scale: int) -> set[str]:
    """Return the doubtful LR folders whose images are smaller than the HR images of the same names."""
    doubtful: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        if member.role.is_doubtful and member.role.low:
            doubtful[member.role.low.folder].append(member)
    high = [member for member in members if member.role.low is None]
    confirmed = set()
    for folder, group in doubtful.items():
        ratio = ratio_of(high, group, scale)
        if ratio is not None and (ratio > 1 or scale == 1):
            confirmed.add(folder)
    return confirmed


def _is_confirmed(role: Role, confirmed: set[str]) -> bool:
    if not role.is_doubtful:
        return True
    return role.low.folder in confirmed if role.low else bool(confirmed)


def _frames_of_all(files: Files, counts: Counts | None) -> list[tuple[Frame, ...] | str]:
    chunks = [files.images[start : start + _CHUNK] for start in range(0, len(files.images), _CHUNK)]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:  # a network drive takes long to answer
        found = threads.map(lambda chunk: [_frames(path, files.folder, counts) for path in chunk], chunks)
        return [of_file for chunk in found for of_file in chunk]


def _frames(path: Path, root: Path, counts: Counts | None) -> tuple[Frame, ...] | str:
    """Return the frames of a file, or the reason to leave it out: an array without a stated shape or scale.

    A damaged file counts as one frame. The fault is reported when the frame is read.
    """
    try:
        return frames_in(path, meaning_for(path, root, counts))
    except UnreadableImageError as error:
        return error.reason if path.suffix.lower() in _ARRAYS else (Frame(path),)


def _member(files: Files, frame: Frame, wanted: Wanted, *, with_doubtful: bool) -> Member:
    relative = files.name(frame.path)
    folder, _, name = relative.rpartition("/")
    number = frame.label.removeprefix(name)
    role = role_of(folder, wanted.degradation, with_doubtful=with_doubtful)
    key = f"{role.kept}/{name}" if role.kept else name
    return Member(frame, relative + number, role, key + number, posixpath.splitext(key)[0])
