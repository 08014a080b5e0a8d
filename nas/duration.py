"""Durations as users write them: `90s`, `20m`, `2h`."""

import math
import re

from nas.errors import InputError
from search_spaces.documents import shortened

_YEAR = 366 * 24 * 3600


def duration(given: str | float | None) -> float | None:
    """Return the seconds of `90s`, `20m`, `2h` or a number of seconds; None for None.

    Raises InputError for anything else, and for more than a year.
    """
    if given is None:
        return None
    if isinstance(given, str):
        seconds = _parsed(given)
    else:
        seconds = float(given)
        if not (math.isfinite(seconds) and seconds > 0):
            raise InputError(f"{given} is not a time; give seconds above 0, or write it as 90s, 20m or 2h.")
    if seconds > _YEAR:
        raise InputError(f"'{shortened(str(given))}' is more than a year; write a time as 90s, 20m or 2h.")
    return seconds


def show_duration(seconds: float) -> str:
    """Return a time as a user writes it, rounded up: `90s` below two minutes, `20m` below two hours, else `3h`."""
    if seconds < 120:
        return f"{math.ceil(seconds)}s"
    if seconds < 2 * 3600:
        return f"{math.ceil(seconds / 60)}m"
    return f"{math.ceil(seconds / 3600)}h"


def _parsed(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smh])", text.strip())
    if not match:
        raise InputError(f"'{shortened(text)}' is not a time; write it as 90s, 20m or 2h.")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
