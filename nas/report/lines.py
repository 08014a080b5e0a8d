"""Lines of a limited width, in which unimportant parts are left out first."""

from collections.abc import Sequence
from dataclasses import dataclass

_GAP = "  "


@dataclass(frozen=True)
class Part:
    """A piece of a line."""

    text: str
    rank: int = 0
    """Parts of the highest rank are left out first; a part of rank 0 is never left out."""


def in_order(*texts: str) -> list[Part]:
    """Return parts with increasing rank: the first always stays, the last is left out first."""
    return [Part(text, rank) for rank, text in enumerate(texts)]


def fit(parts: Sequence[Part], width: int, gap: str = _GAP) -> str:
    """Return the parts as a line of at most `width` columns. Parts are left out by rank; at last the line is cut."""
    kept = [part for part in parts if part.text]
    while len(line := gap.join(part.text for part in kept).rstrip()) > width:
        least = max(kept, key=lambda part: part.rank)
        if least.rank == 0:
            return cut(line, width)
        kept.remove(least)
    return line


def cut(text: str, width: int) -> str:
    """Return the text, cut to its beginning and `…` if it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…" if width > 0 else ""


def span(seconds: float) -> str:
    """Return a time in a suitable unit: `42 s`, `18 min`, `2 h 05 min`, `3 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // (24 * 60)} days"


def bar(share: float, width: int) -> str:
    """Return a bar for a share in 0..1."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "━" * full + "─" * (width - full)
