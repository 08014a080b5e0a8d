"""Lines of a fixed width: what fits is shown, the most important first."""

from collections.abc import Sequence
from dataclasses import dataclass

_GAP = "  "


@dataclass(frozen=True)
class Part:
    """A piece of a line."""

    text: str
    rank: int = 0
    """0 stays whatever happens; of the others the highest goes first where a line has no room."""


def in_order(*texts: str) -> list[Part]:
    """Return parts of which the first stays and the last goes first."""
    return [Part(text, rank) for rank, text in enumerate(texts)]


def fit(parts: Sequence[Part], width: int, gap: str = _GAP) -> str:
    """Return the parts as a line of at most `width` columns: without those that have no room, the last resort a cut."""
    kept = [part for part in parts if part.text]
    while len(line := gap.join(part.text for part in kept).rstrip()) > width:
        least = max(kept, key=lambda part: part.rank)
        if least.rank == 0:
            return cut(line, width)
        kept.remove(least)
    return line


def cut(text: str, width: int) -> str:
    """Return the text, or its beginning and `…` where it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…" if width > 0 else ""


def span(seconds: float) -> str:
    """Print a time in the unit that fits it: `42 s`, `18 min`, `2 h 05 min`, `3 days`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // (24 * 60)} days"


def bar(share: float, width: int) -> str:
    """Draw a share of 1 as a bar."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "━" * full + "─" * (width - full)
