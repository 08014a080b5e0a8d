"""Fields of documents that users write: strict types of numbers, and a sentence on the first wrong field."""

from typing import Annotated

from pydantic import Field, ValidationError

from search_spaces.documents import place_of, shortened

Whole = Annotated[int, Field(strict=True, ge=-(1 << 62), le=1 << 62)]
"""An integer, but not 3.0, "3" or `yes` (which is true in YAML and 1 in Python)."""

Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number, but not a boolean or a text."""

Truth = Annotated[bool, Field(strict=True)]
"""True or false, but not 1."""

Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 31)]
"""The seed of a random generator."""


def message_of(error: ValidationError) -> str:
    """Return the fault of the first wrong field, as a clause without a full stop."""
    return shortened(error.errors()[0]["msg"].removeprefix("Value error, ").removesuffix("."), 200)


def in_words(error: ValidationError, origin: str) -> str:
    """Return a sentence on the first wrong field of `origin`."""
    place = place_of(error.errors()[0]["loc"])
    return f"{origin}: '{place}': {message_of(error)}." if place else f"{origin}: {message_of(error)}."
