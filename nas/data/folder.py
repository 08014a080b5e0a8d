"""What lies in a folder: its images, and what is left out of it and why, listed alike for all commands."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas.data.images import IMAGE_SUFFIXES
from nas.errors import InputError

RESULTS = Path("results")
"""Where commands write, below the folder that they're given in."""

HIDDEN = frozenset({"__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "thumbs.db", "desktop.ini"})
"""Names of what systems put beside a user's files, in lower case; like those with a leading dot, no user's files."""

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
"""Endings of files that are no image data by their name; so are those without any ending."""


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used, or a folder of such: its path below the folder, and a reason that continues it."""

    name: str
    reason: str
    count: int = 1
    """How many files; more than one for a folder."""


@dataclass(frozen=True)
class Files:
    """What lies below a folder."""

    folder: Path
    images: tuple[Path, ...]
    """In the order of the walk: the files of a folder before those of its subfolders, each by name."""
    left_out: tuple[LeftOut, ...]
    """What may be taken for images and isn't read: other formats, what the product itself wrote, no regular files."""
    others: int
    """How many other files there are: texts, tables and the like."""

    def name(self, path: Path) -> str:
        """The path of an image below the folder, with "/"."""
        return path.relative_to(self.folder).as_posix()


def image_files(folder: Path) -> Files:
    """List all images below a folder, following links.

    Hidden files and those of systems (`._a.png`, `.thumbnails`, `__MACOSX`, `@eaDir`) aren't even mentioned. A folder
    that the product has written (a run, a model, decoded images, the results below the working directory) is left out,
    unless it is `folder` itself or lies around it. Raises `InputError` for a folder that is missing or can't be read.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder of images; it {'is a file' if folder.exists() else 'does not exist'}."
        )
    images: list[Path] = []
    left_out: list[LeftOut] = []
    others = 0
    # Linked folders are followed: data sets often are links.
    for top, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        here = Path(top)
        if here != folder and (reason := _own_output(here, files)):
            if count := sum(1 for _ in _images_below(here)):
                left_out.append(LeftOut(here.relative_to(folder).as_posix(), reason, count))
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not is_hidden(name) and not _leads_up(here / name, folder))
        for name in sorted(name for name in files if not is_hidden(name)):
            suffix = Path(name).suffix.lower()
            if suffix in TEXTS or not suffix:
                others += 1
            elif reason := _unusable(here / name, suffix):
                left_out.append(LeftOut((here / name).relative_to(folder).as_posix(), reason))
            else:
                images.append(here / name)
    return Files(folder, tuple(images), tuple(left_out), others)


def no_image(files: Files) -> InputError:
    """Return the error for a folder without any image, which names what is in it instead."""
    beside = f" What is there is left out: {in_words(files.left_out)}." if files.left_out else ""
    return InputError(f"{files.folder} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}).{beside}")


def phrases(left_out: Sequence[LeftOut]) -> list[str]:
    """Return a phrase for each reason: `3 files (a.seq, b.seq, …): .seq files are not read`."""
    by_reason: dict[str, list[LeftOut]] = {}
    for entry in left_out:
        by_reason.setdefault(entry.reason, []).append(entry)
    found = []
    for reason, entries in by_reason.items():
        count = sum(entry.count for entry in entries)
        names = ", ".join(in_print(entry.name) for entry in entries[:2]) + (", …" if len(entries) > 2 else "")
        found.append(f"{count} file{'s' if count > 1 else ''} ({names}): {reason}")
    return found


def in_words(left_out: Sequence[LeftOut]) -> str:
    """Return the phrases of all reasons in one."""
    return "; ".join(phrases(left_out))


def in_print(text: str) -> str:
    """Return a text with file names in it so that any terminal can show it: bytes that aren't UTF-8 as `\\xe4`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or put there by a system."""
    return name.startswith(".") or name.lower() in HIDDEN


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} can't be read ({error.strerror}).")


def _own_output(folder: Path, files: Sequence[str]) -> str | None:
    """Say what the product has written into a folder that holds `files`; None where it hasn't."""
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
    """Whether `link` is a link to a folder the walk has come through, and so would never end."""
    return link.is_symlink() and any(
        link.samefile(parent) for parent in link.parents if parent == folder or folder in parent.parents
    )


def _unusable(file: Path, suffix: str) -> str | None:
    if suffix not in IMAGE_SUFFIXES:
        return f"{suffix} files are not read"
    try:
        mode = file.stat().st_mode
    except OSError:
        return None  # a dangling link: reading it says so
    return None if stat.S_ISREG(mode) else "it is not a regular file"
