"""Listing the files below a folder: the images, and the files that are left out with the reasons."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.data.images import IMAGE_SUFFIXES
from nas.errors import InputError

RESULTS = Path("results")
"""The folder that commands write to, relative to the current folder."""

SIGNED = {"Software": "infrared-sr-nas"}
"""The text field of the product's own PNG pictures (plots, crops, previews), by which they are recognised."""

_SIGNATURE = b"Software\0" + SIGNED["Software"].encode()

HIDDEN = frozenset({"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini"})
"""Names, in lower case, of files and folders that operating systems put beside a user's files."""

TEXTS = frozenset(
    [
        ".txt",
        ".md",
        ".rst",
        ".html",
        ".htm",
        ".pdf",
        ".doc",
        ".docx",
        ".odt",
        ".rtf",
        ".tex",
        ".csv",
        ".tsv",
        ".xls",
        ".xlsx",
        ".json",
        ".jsonl",
        ".yaml",
        ".yml",
        ".xml",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".log",
        ".sha256",
        ".md5",
        ".sfv",
        ".py",
        ".ipynb",
        ".m",
        ".sh",
        ".bat",
        ".c",
        ".h",
        ".cpp",
        ".js",
        ".css",
        ".db",
        ".sqlite",
        ".lock",
        ".url",
        ".lnk",
    ]
)
"""Endings of files that are no images. Files without an ending are no images, either."""


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used, or a folder of such files."""

    name: str
    """The path below the folder, with "/"."""
    reason: str
    """Why it is not used, as a clause."""
    count: int = 1
    """Number of files; more than 1 for a folder."""


@dataclass(frozen=True)
class Files:
    """The files below a folder."""

    folder: Path
    images: tuple[Path, ...]
    """The files of a folder come before those of its subfolders, each ordered by name."""
    left_out: tuple[LeftOut, ...]
    """Files that look like images and aren't read: other formats, files of the product itself, no regular files."""
    others: int
    """Number of other files: texts, tables and the like."""

    def name(self, path: Path) -> str:
        """Return the path of an image below the folder, with "/"."""
        root = str(self.folder)
        # Text is much faster than `Path.relative_to`, and there may be a hundred thousand files.
        return str(path) if root == "." else str(path).removeprefix(root if root == os.sep else root + os.sep)


def image_files(folder: Path) -> Files:
    """List all images below a folder. Links are followed.

    Hidden files and those of operating systems (`._a.png`, `.thumbnails`, `__MACOSX`, `@eaDir`) are ignored. A folder
    that the product wrote (a run, a model, decoded images, the results below the current folder) is left out, unless it
    is `folder` itself or contains it. Raises InputError for a folder that is missing or can't be read.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder of images; it {'is a file' if folder.exists() else 'does not exist'}."
        )
    images: list[Path] = []
    left_out: list[LeftOut] = []
    others = 0
    # Linked folders are followed, because data sets often are links.
    for top, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        here = Path(top)
        own_output = _own_output(here, files) if here != folder else None
        if own_output:
            count = sum(1 for _ in _images_below(here))
            if count:
                left_out.append(LeftOut(here.relative_to(folder).as_posix(), own_output, count))
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not is_hidden(name) and not _leads_up(here / name, folder))
        for name in sorted(name for name in files if not is_hidden(name)):
            suffix = Path(name).suffix.lower()
            if suffix in TEXTS or not suffix:
                others += 1
                continue
            reason = _unusable(here / name, suffix)
            if reason:
                left_out.append(LeftOut((here / name).relative_to(folder).as_posix(), reason))
            else:
                images.append(here / name)
    return Files(folder, tuple(images), tuple(left_out), others)


def no_image(files: Files) -> InputError:
    """Return the error for a folder without images. Its message names the files that are left out."""
    beside = f" Left out are {in_words(files.left_out)}." if files.left_out else ""
    return InputError(f"{files.folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).{beside}")


def phrases(left_out: Sequence[LeftOut]) -> list[str]:
    """Return a phrase for each reason: `3 files (a.seq, b.seq, …): .seq files are not read`."""
    by_reason: dict[str, list[LeftOut]] = {}
    for entry in left_out:
        by_reason.setdefault(entry.reason, []).append(entry)
    found = []
    for reason, entries in by_reason.items():
        count = sum(entry.count for entry in entries)
        names = ", ".join(entry.name for entry in entries[:2]) + (", …" if len(entries) > 2 else "")
        found.append(f"{count} file{'s' if count > 1 else ''} ({names}): {reason}")
    return found


def in_words(left_out: Sequence[LeftOut]) -> str:
    """Return the phrases for all reasons as a single phrase."""
    return "; ".join(phrases(left_out))


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder with this name is hidden, or was put there by an operating system."""
    return name.startswith(".") or name.lower() in HIDDEN


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} can't be read ({error.strerror}).")


def _own_output(folder: Path, files: Sequence[str]) -> str | None:
    """Return why a folder with these files is output of the product; None if it isn't."""
    if "search.yaml" in files:
        return "pictures of a run, no input"
    if {"architecture.yaml", "weights.safetensors"} <= set(files):
        return "pictures of a model, no input"
    if {"index.json", "pixels.bin"} <= set(files):
        return "decoded images, no input"
    if folder.name == RESULTS.name and folder.resolve() == RESULTS.resolve():
        return "what commands wrote, no input"
    return None


def _images_below(folder: Path) -> Iterator[str]:
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield from (n for n in files if Path(n).suffix.lower() in IMAGE_SUFFIXES and not is_hidden(n))


def _leads_up(link: Path, folder: Path) -> bool:
    """Tell whether `link` is a link to a folder above it, so that the walk would never end."""
    return link.is_symlink() and any(
        link.samefile(parent) for parent in link.parents if parent == folder or folder in parent.parents
    )


def _unusable(file: Path, suffix: str) -> str | None:
    if suffix not in IMAGE_SUFFIXES:
        return f"{suffix} files are not read"
    try:
        mode = file.stat().st_mode
    except OSError:
        return None  # a dangling link: the error is raised when it is read
    if not stat.S_ISREG(mode):
        return "it is not a regular file"
    return "pictures of this program, no input" if suffix == ".png" and _is_signed(file) else None


def _is_signed(file: Path) -> bool:
    try:
        with file.open("rb") as start:
            return _SIGNATURE in start.read(512)
    except OSError:
        return False  # the error is raised when it is read
