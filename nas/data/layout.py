"""Which files of a folder are for training, which for validation, and which LR file belongs to which HR file."""

import hashlib
import os
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nas.data.images import IMAGE_SUFFIXES
from nas.errors import InputError

VALIDATION_FRACTION = 0.1
MAX_VALIDATION = 100

_PART_WORDS = {
    "train": re.compile(r"train(ing)?(set)?\d*"),
    "validation": re.compile(r"val(id|idation)?(set)?\d*"),
    "test": re.compile(r"test(ing)?(set)?\d*"),
}


@dataclass(frozen=True)
class Source:
    """One image of a set: its name inside the set, its HR file, and its LR file where the set brings one."""

    name: str
    hr: Path
    lr: Path | None = None


@dataclass(frozen=True)
class Listing:
    """The images of one set in the order of their names; `unpaired` are (name, reason) of lone files."""

    sources: tuple[Source, ...]
    unpaired: tuple[tuple[str, str], ...] = ()


def list_images(folder: Path, scale: int, degradation: str) -> Listing:
    """All images below `folder` as one set, with the LR files of `LR_<degradation>/X<scale>` where there are such.

    Raises `InputError` when the folder is missing or holds no image.
    """
    return _pair(list(_walk(folder)), scale, degradation)


def list_parts(folder: Path, scale: int, degradation: str) -> tuple[Listing, Listing]:
    """The training and validation sets of a folder; what makes them is described in `nas.data.dataset.open_dataset`.

    Raises `InputError` when the folder is missing, holds no image, or leaves one of the two sets empty.
    """
    files = list(_walk(folder))
    parts: dict[str, list[_File]] = defaultdict(list)
    for file in files:
        parts[file.part or "loose"].append(file)
    held_out = parts["validation"] or parts["test"]
    training = parts["train"] or parts["loose"]
    if not training:
        raise InputError(
            f"{folder} has images to validate or test on but none to train on; "
            f"put those into {folder / 'train'}, or name the inner folder itself to have it split."
        )
    if held_out:
        return _pair(training, scale, degradation), _pair(held_out, scale, degradation)
    return _split(_pair(training, scale, degradation), folder)


@dataclass(frozen=True)
class _File:
    path: Path
    relative: str
    """Path below the folder."""
    key: str
    """The same without the folders that only say which part or which resolution it is: equal for HR and LR."""
    part: str | None
    lr_of: str | None
    """None for HR; for LR the degradation and scale its folders name, such as "bicubic_x2"."""


def _walk(folder: Path) -> Iterator[_File]:
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder of images; it {'is a file' if folder.exists() else 'does not exist'}."
        )
    found = False
    # Linked folders are followed: data sets often are links.
    for top, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")) and not _leads_up(top, f, folder))
        for file in sorted(files):
            if PurePosixPath(file).suffix.lower() in IMAGE_SUFFIXES and not file.startswith("."):
                found = True
                path = Path(top) / file
                yield _classify(path, path.relative_to(folder).parts)
    if not found:
        raise InputError(f"{folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).")


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} can't be read ({error.strerror}).")


def _leads_up(top: str, name: str, folder: Path) -> bool:
    """Whether `top`/`name` is a link to a folder the walk has come through, and so would never end."""
    link = Path(top, name)
    return link.is_symlink() and any(
        link.samefile(parent) for parent in link.parents if parent == folder or folder in parent.parents
    )


def _words(folder: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", folder.lower()) if word]


def _part_of(folder: str) -> str | None:
    for word in _words(folder):
        for part, pattern in _PART_WORDS.items():
            if pattern.fullmatch(word):
                return part
    return None


def _classify(path: Path, relative: tuple[str, ...]) -> _File:
    *folders, name = relative
    # A folder that is called exactly "train" decides before one like "my_test_camera" that merely contains such a word.
    naming_a_part = sorted((f for f in folders if _part_of(f)), key=lambda f: len(_words(f)) > 1)
    part_folder = naming_a_part[0] if naming_a_part else None
    is_low = any("lr" in _words(folder) for folder in folders)
    kept: list[str] = []
    low_words: list[str] = []
    for folder in folders:
        words = _words(folder)
        if "lr" in words:
            low_words += words[words.index("lr") + 1 :]
        elif is_low and re.fullmatch(r"x\d+", folder.lower()):
            low_words += words
        elif folder != part_folder and "hr" not in words:
            kept.append(folder)
    part = _part_of(part_folder) if part_folder else None
    return _File(path, "/".join(relative), "/".join([*kept, name]), part, "_".join(low_words) if is_low else None)


def _pair(files: Sequence[_File], scale: int, degradation: str) -> Listing:
    wanted = "_".join([*_words(degradation), f"x{scale}"])
    names = _names([file for file in files if file.lr_of is None])
    low = {_stem(file.key): file for file in files if file.lr_of == wanted}
    if not low:
        return Listing(tuple(Source(name, file.path) for name, file in names))
    sources, unpaired = [], []
    for name, file in names:
        stem = _stem(file.key)
        match = low.pop(stem, None) or low.pop(f"{stem}x{scale}", None)
        if match:
            sources.append(Source(name, file.path, match.path))
        else:
            unpaired.append((file.relative, f"has no LR image in LR_{degradation}/X{scale}"))
    unpaired += [(file.relative, "is an LR image without its HR image") for file in low.values()]
    return Listing(tuple(sources), tuple(unpaired))


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _names(files: Sequence[_File]) -> list[tuple[str, _File]]:
    """Names below the folder that all have in common, so that a set has the same names wherever it's opened from."""
    if not files:
        return []
    common = posixpath.commonpath([str(PurePosixPath(file.key).parent) for file in files]) or "."
    short = [str(PurePosixPath(file.key).relative_to(common)) for file in files]
    count = Counter(short)
    named = [(name if count[name] == 1 else file.relative, file) for name, file in zip(short, files, strict=True)]
    return sorted(named, key=lambda pair: pair[0])


def _split(listing: Listing, folder: Path) -> tuple[Listing, Listing]:
    """Holds back about a tenth (1 to 100 images) by a hash of the file name, whatever the order or the other files."""
    if len(listing.sources) < 2:
        raise InputError(
            f"{folder} holds one usable image; at least two are needed to train on one and validate on the other."
        )

    def place(source: Source) -> float:
        digest = hashlib.sha256(PurePosixPath(source.name).name.encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    by_place = sorted(listing.sources, key=place)
    below = sum(place(source) < VALIDATION_FRACTION for source in by_place)
    held_out = {source.name for source in by_place[: min(max(below, 1), MAX_VALIDATION, len(by_place) - 1)]}
    return (
        replace(listing, sources=tuple(s for s in listing.sources if s.name not in held_out)),
        Listing(tuple(s for s in listing.sources if s.name in held_out)),
    )
