"""What to upscale: a file, a folder, several of them, or patterns; and the file that each becomes."""

import glob
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.data.files.video import LOSSLESS, VIDEOS, WRITTEN_VIDEOS, Video, check_video_target, is_video, open_video
from nas.data.files.writing import WRITTEN, check_target
from nas.data.folder import image_files, in_words, no_image
from nas.data.frames import Counts, Frame, frames_in, meaning_for
from nas.data.images import IMAGE_SUFFIXES, UnreadableImageError, is_radiometric
from nas.errors import InputError
from nas.files import check_writable

STACKS = (".tif", ".tiff")
"""Endings of images that also hold the frames of a video."""

_PATTERN = "*?["


@dataclass(frozen=True)
class Job:
    """A file to upscale: its frames, or its video, or its fault; and the file to write."""

    source: Path
    target: Path
    frames: tuple[Frame, ...] = ()
    video: Video | None = None
    error: InputError | None = None


@dataclass(frozen=True)
class Jobs:
    """All files of a command."""

    jobs: tuple[Job, ...]
    is_single: bool
    """Whether the user named one file. Its fault is the fault of the command, and its frames are its progress."""


def jobs_for(sources: Sequence[str | Path], target: Path, counts: Counts | None, overwrite: bool) -> Jobs:
    """Return the files to read, each with the file to write. Only headers are read, nothing is written.

    Raises InputError for sources that are missing or hold no image, and for a target that exists, is of the wrong kind,
    can't be written, lies within the source or can't hold the result.
    """
    paths, is_pattern = _matching(sources)
    if len(paths) == 1 and not is_pattern and paths[0].is_file():
        found, is_single = [_single(paths[0], target, counts)], True
    else:
        found, is_single = list(_several(paths, target, is_pattern, counts)), False
    _refuse_collisions(found, overwrite, is_single)
    return Jobs(tuple(found), is_single)


def _matching(sources: Sequence[str | Path]) -> tuple[list[Path], bool]:
    """Return all sources with patterns replaced by the files that match, and whether there was a pattern."""
    if not sources:
        raise InputError("There is nothing to upscale; name an image, a folder or a pattern such as 'night/*.png'.")
    paths, is_pattern = list[Path](), False
    for source in map(Path, sources):
        if source.exists() or not any(sign in str(source) for sign in _PATTERN):
            paths.append(source)
            continue
        is_pattern = True
        matching = sorted(map(Path, glob.glob(str(source), recursive=True)))  # noqa: PTH207, no hidden files
        if not matching:
            raise InputError(f"No file matches '{source}'.")
        paths += matching
    for path in paths:
        if not path.exists():
            raise InputError(f"There is no file or folder '{path}'.")
    return list(dict.fromkeys(paths)), is_pattern


def _single(source: Path, target: Path, counts: Counts | None) -> Job:
    """Return the job of one file. Raises InputError also for its own fault."""
    if target.is_dir():
        target = target / _renamed(source, Path(source.name))
    elif is_video(source):
        if target.suffix.lower() not in (*WRITTEN_VIDEOS, *STACKS):
            named = ", ".join((*WRITTEN_VIDEOS, *STACKS))
            raise InputError(f"{target}: videos are written as {named}, but got {target.suffix!r}.")
    elif target.suffix.lower() in VIDEOS:
        raise InputError(f"{target}: {source} is no video; images are written as {', '.join(WRITTEN)}.")
    elif target.suffix.lower() not in WRITTEN:
        raise InputError(f"{target}: images are written as {', '.join(WRITTEN)}, but got {target.suffix!r}.")
    job = _job(source, target, source.parent, counts)
    if job.error is not None:
        raise job.error
    if job.video is None:
        check_target(job.target, len(job.frames), np.dtype(np.uint8))  # the real type is known when a frame is read
    elif job.target.suffix.lower() not in STACKS:
        check_video_target(job.target, np.dtype(np.uint16 if job.video.is_deep else np.uint8))
    return job


def _several(paths: Sequence[Path], target: Path, is_pattern: bool, counts: Counts | None) -> Iterator[Job]:
    """Yield the jobs of a folder, or of several files and folders."""
    several = is_pattern or len(paths) > 1
    if target.exists() and not target.is_dir():
        what = "there are several sources" if several else "the source is a folder"
        raise InputError(f"{target} is a file, but {what}; name a folder to write to.")
    if several and target.suffix.lower() in (*WRITTEN, *VIDEOS) and not target.exists():
        raise InputError(f"{target} names a file, but a pattern or several sources need a folder to write to.")
    files = list[tuple[Path, Path]]()
    left_out = list[str]()
    for path in paths:
        if path.is_dir():
            if target.resolve().is_relative_to(path.resolve()):
                raise InputError(f"The target {target} lies within the source {path}; name a folder outside of it.")
            files += [(file, path) for file in _of_folder(path)]
        elif path.suffix.lower() in IMAGE_SUFFIXES or is_video(path):
            files.append((path, path.parent))
        else:
            left_out.append(path.name)
    if left_out:
        names = ", ".join(left_out[:2]) + (", …" if len(left_out) > 2 else "")
        warnings.warn(f"not used are {len(left_out)} files that are no images or videos: {names}", stacklevel=5)
    if not files:
        raise InputError(f"Among the sources is no image ({', '.join(sorted(IMAGE_SUFFIXES))}) and no video.")
    for path, root, name in _names(files):
        yield _job(path, target / _renamed(path, name), root, counts)


def _of_folder(folder: Path) -> list[Path]:
    """Return the images below a folder, as all commands list them. Raises InputError if there is none."""
    files = image_files(folder)
    if not files.images:
        raise no_image(files)
    if files.left_out:
        warnings.warn(f"{folder}: not used are {in_words(files.left_out)}", stacklevel=6)
    return sorted(files.images)


def _names(files: Sequence[tuple[Path, Path]]) -> Iterator[tuple[Path, Path, Path]]:
    """Yield each file, its root, and its name below the target.

    It is the name below the root. If two files would have one name, all have their name below their common folder.
    """
    names = [path.relative_to(root) for path, root in files]
    if len({_renamed(path, name) for (path, _), name in zip(files, names, strict=True)}) < len(names):
        absolute = [path.absolute() for path, _ in files]
        common = os.path.commonpath([path.parent for path in absolute])
        names = [path.relative_to(common) for path in absolute]
    for (path, root), name in zip(files, names, strict=True):
        yield path, root, name


def _job(path: Path, target: Path, root: Path, counts: Counts | None) -> Job:
    """Read the header of a file."""
    meaning = meaning_for(path, root, counts)
    try:
        if is_video(path):
            video = open_video(path)
            if video.is_deep and target.name == path.name and target.suffix.lower() not in LOSSLESS:
                target = target.with_suffix(".mkv")  # of several files: its own ending can't hold 16 bits
            return Job(path, target, video=video)
        return Job(path, target, frames_in(path, meaning))
    except UnreadableImageError as error:
        return Job(path, target, error=error)


def _renamed(path: Path, target: Path) -> Path:
    """Return the name for the result: that of the file, with another ending where its own can't hold the result."""
    suffix = path.suffix.lower()
    if suffix == ".raw":
        return target.with_suffix(".tif")
    if suffix in VIDEOS:
        return target if suffix in WRITTEN_VIDEOS else target.with_suffix(".mkv")
    return target.with_suffix(".png") if is_radiometric(path) else target


def _refuse_collisions(jobs: Sequence[Job], overwrite: bool, is_single: bool) -> None:
    """Raise InputError if files have one target, or a target exists without `overwrite`, is a source, or can't be."""
    targets = Counter(job.target for job in jobs)
    if len(targets) < len(jobs):
        twice = targets.most_common(1)[0][0]
        raise InputError(f"Two images of {_common(jobs)} would both be written to {twice}.")
    existing = [job.target for job in jobs if job.target.exists()]
    if existing and not overwrite:
        others = f" (and {len(existing) - 1} others of {len(jobs)})" if len(existing) > 1 else ""
        raise InputError(f"{existing[0]}{others} exists; give --overwrite to replace it.")
    sources = {job.source.resolve() for job in jobs}
    for target in existing:
        if target.resolve() in sources and not is_single:
            raise InputError(f"{target} is itself to be upscaled; name another folder to write to.")
    for job in jobs:
        check_writable(job.target, "The target")


def _common(jobs: Sequence[Job]) -> str:
    return os.path.commonpath([job.source.parent for job in jobs]) or "."
