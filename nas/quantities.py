"""Counts and bytes as text with prefixes: `300G`, `64MiB`, `74.50G`."""

from decimal import Decimal

PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BINARY = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def quantity(count: int) -> str:
    """Return a count as exact text, with the largest prefix that needs at most 3 decimals: 300000000000 → 300G."""
    return _exactly(count, PREFIXES)


def memory_size(count: int) -> str:
    """Return bytes as exact text, with the largest binary prefix that needs at most 3 decimals: 67108864 → 64MiB."""
    text = _exactly(count, BINARY)
    return f"{text}B" if text[-1].isdigit() else f"{text}iB"


def _exactly(count: int, prefixes: dict[str, int]) -> str:
    for prefix, factor in reversed(prefixes.items()):
        scaled = Decimal(count) / factor
        if scaled >= 1 and scaled == round(scaled, 3):
            return f"{scaled.normalize():f}{prefix}"
    return str(count)


def short(count: float) -> str:
    """Return a count as text with four significant digits and a prefix: 235003852800 → 235.0G."""
    prefix, factor = prefix_of(count)
    if not prefix:
        return f"{count:g}"
    scaled = count / factor
    decimals = 1 if scaled >= 99.995 else 2 if scaled >= 9.9995 else 3
    return f"{scaled:.{decimals}f}{prefix}"


def prefix_of(count: float) -> tuple[str, int]:
    """Return the prefix for a rounded count, and its factor."""
    for prefix, factor in reversed(PREFIXES.items()):
        if count >= 0.99995 * factor > 1:  # 999,960 is 1.000M when rounded
            return prefix, factor
    return "", 1
