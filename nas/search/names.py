"""Names of runs and rankings: folders in `results` that the program does not use itself."""

import hashlib
import re

from nas.errors import InputError
from nas.model import TRAINED

RUN_NAME = r"^[A-Za-z0-9][\w.+-]*$"

LONGEST = 100
"""Maximum length of a name: other files are named after the folder, and file names have at most 255 bytes."""

_TAKEN = ("cache", TRAINED, "ranks", "reference")
_TAKEN_PREFIXES = ("benchmark-", "replay-")


def check_name(name: str, what: str) -> None:
    """Raise InputError unless `what` may have the name `name`."""
    if not re.fullmatch(RUN_NAME, name) or len(name) > LONGEST:
        shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
        raise InputError(
            f"'{shown}' can't name a {what}; give --run a name of up to {LONGEST} letters, digits and . _ + -, "
            "the first a letter or a digit."
        )


def check_run_name(name: str) -> None:
    """Raise InputError unless a new run may be called `name`."""
    check_name(name, "run")
    if is_taken(name):
        raise InputError(f"'{name}' can't name a run, since results/{name} has another use; choose another --run name.")


def is_taken(name: str) -> bool:
    """Return whether the program uses the folder `name` in `results` itself; upper and lower case count as equal."""
    folded = name.casefold()
    return folded in _TAKEN or folded.startswith(_TAKEN_PREFIXES)


def as_name(text: str) -> str:
    """Return `text` as a legal name, since the folder of images, after which a run is named, may have any name."""
    name = re.sub(r"[^\w.+-]+", "-", text).strip("-")
    if not re.match(r"[A-Za-z0-9]", name):
        name = f"run-{name}".rstrip("-")
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 9]}-{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:8]}"
    return f"run-{name}" if is_taken(name) else name
