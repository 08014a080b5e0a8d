"""What the names of folders say of their images: the part of a set, HR or LR, and the degradation of LR images.

Usual names are `train/HR` and `train/LR_bicubic/X2`, `DIV2K_valid_LR_unknown/X4`, `LRbicx2`, `trainH` and `trainL`,
`GTmod12`, `input` and `target`. Names are read word by word in any case. A word may consist of several words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

_PARTS = {
    "train": re.compile(r"train(ing)?(set)?\d*"),
    "validation": re.compile(r"val(id|idation)?(set)?\d*"),
    "test": re.compile(r"test(ing)?(set)?\d*"),
}
_PART = r"train(?:ing)?|val(?:id|idation)?|test(?:ing)?"
_MADE_BY = r"bicubic|bicub|bic|bi|bd|dn|unknown|mild|wild|difficult|bilinear|nearest|area|blur|noise|noisy|jpeg"
_GLUED = (
    re.compile(rf"({_PART})?(hr|lr|gt|hq|lq|h|l)({_MADE_BY})?(x\d+|\d+x)?(mod\d+)?(sub)?"),
    re.compile(rf"(hr|lr|gt|hq|lq)({_PART})()(x\d+|\d+x)?()()"),
    re.compile(rf"({_MADE_BY})?()(lr)?(x\d+)()()"),
)
_SCALE = re.compile(r"x(\d+)|(\d+)x")
_NEUTRAL = re.compile(r"sub|mod\d+|images?|imgs?|pictures?|crops?|cropped|patches|png|tiff?|bmp")
"""Words that say nothing of the degradation of LR images."""

_HIGH, _LOW = frozenset({"hr", "gt", "hq"}), frozenset({"lr", "lq"})
_PERHAPS_HIGH = frozenset({"high", "target", "targets", "clean", "original", "originals", "reference", "h"})
_PERHAPS_LOW = frozenset({"low", "input", "inputs", "noisy", "degraded", "lowres", "l"})
"""Words with other meanings, too, such as high and low gain of a camera. They need a counterpart of another size."""

_ALIASES = {"bic": "bicubic", "bicub": "bicubic", "bi": "bicubic"}


@dataclass(frozen=True)
class Label:
    """What the folders of LR images say of them: the words of a degradation, and a scale. Both may be missing."""

    degradation: tuple[str, ...]
    scale: int | None
    folder: str
    """The outermost folder with such a name, as a path below the folder of the set."""


@dataclass(frozen=True)
class Role:
    """What the folders around files say of them."""

    kept: str
    """The path without the folders that only name a part or a resolution: equal for HR and LR."""
    part: str | None
    """`train`, `validation` or `test`."""
    low: Label | None
    """None for HR images, and for images whose names say no resolution."""
    family: str
    """The words before HR or LR, such as the name of a data set: `div2k`."""
    tail: tuple[str, ...]
    """The words after HR."""
    is_doubtful: bool
    """Whether only words with other meanings name the resolution."""


@cache
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, with joined words split: `trainLRx2` → train, lr, x2."""
    words: list[str] = []
    for word in re.split(r"[^a-z0-9]+", name.lower()):
        matches = [pattern.fullmatch(word) for pattern in _GLUED]
        glued = next((match for match in matches if match), None)
        # "h" and "l" mean HR and LR only after a part, as in `trainH`.
        if glued and (glued[2] not in ("h", "l") or glued[1]):
            words += [part for part in glued.groups() if part]
        elif word:
            words.append(word)
    return tuple(words)


def label_words(degradation: str) -> tuple[str, ...]:
    """Return the words of a degradation's name, as in a `Label`."""
    return tuple(_ALIASES.get(word, word) for word in words_of(degradation))


def part_of(folder: str) -> str | None:
    """Return the part of a set that a folder's name says: `train`, `validation`, `test`, or None."""
    for word in words_of(folder):
        for part, pattern in _PARTS.items():
            if pattern.fullmatch(word):
                return part
    return None


@lru_cache(maxsize=1024)
def role_of(folder: str, wanted: str, *, with_doubtful: bool) -> Role:
    """Return the role of images in a folder, given as a path below the folder of the set, with "/".

    `wanted` is the name of a degradation. A folder with this name inside a folder of LR images labels them. With
    `with_doubtful`, names such as `low`, `input`, `trainL` and a lone `X2` count as LR, and `high`, `target` and
    `trainH` as HR.
    """
    folders = folder.split("/") if folder else []
    # A folder with the exact name "train" comes before a folder like "my_test_camera", which only contains such a word.
    naming_a_part = sorted((f for f in folders if part_of(f)), key=lambda f: len(words_of(f)) > 1)
    part_folder = naming_a_part[0] if naming_a_part else None
    labels = re.compile(
        rf"x\d+|\d+x|{_MADE_BY}|" + "|".join(re.escape(word) for word in words_of(wanted) or ["bicubic"])
    )
    kept: list[str] = []
    low: list[str] | None = None
    with_doubtful &= not any(_side(words_of(name), False)[0] for name in folders)
    family, tail, low_folder, is_doubtful = "", tuple[str, ...](), "", False
    for depth, name in enumerate(folders):
        words = words_of(name)
        side, place, doubtful = _side(words, with_doubtful)
        if side:
            before = [word for word in words[:place] if not part_of(word) and not _SCALE.fullmatch(word)]
            family = family or " ".join(before)
            is_doubtful |= doubtful
        if side == "low":
            low = (low or []) + [*(word for word in words[:place] if _SCALE.fullmatch(word)), *words[place + 1 :]]
            low_folder = low_folder or "/".join(folders[: depth + 1])
        elif side == "high":
            tail = tuple(words[place + 1 :])
        elif low is not None and words and all(labels.fullmatch(w) or _NEUTRAL.fullmatch(w) for w in words):
            low += words
        elif name != part_folder:
            kept.append(name)
    label = None if low is None else _label(low, low_folder)
    part = part_of(part_folder) if part_folder else None
    return Role("/".join(kept), part, label, family, tail, is_doubtful)


def _side(words: Sequence[str], with_doubtful: bool) -> tuple[str | None, int, bool]:
    """Return the resolution that words say (`high`, `low` or None), the index of that word, and if it is doubtful."""
    for place, word in enumerate(words):
        if word in _HIGH | _LOW:
            return ("high" if word in _HIGH else "low"), place, False
    if not with_doubtful:
        return None, 0, False
    rest = [word for word in words if not part_of(word) and not _SCALE.fullmatch(word)]
    if len(rest) == 1 and rest[0] in _PERHAPS_HIGH | _PERHAPS_LOW:
        return ("high" if rest[0] in _PERHAPS_HIGH else "low"), list(words).index(rest[0]), True
    if not rest and any(_SCALE.fullmatch(word) for word in words):
        return "low", len(words), True
    return None, 0, False


def _label(words: Sequence[str], folder: str) -> Label:
    scale: int | None = None
    degradation: list[str] = []
    for word in words:
        match = _SCALE.fullmatch(word)
        if match:
            scale = int(match[1] or match[2])
        elif not part_of(word) and not _NEUTRAL.fullmatch(word):
            degradation.append(_ALIASES.get(word, word))
    return Label(tuple(degradation), scale, folder)
