"""Fields of what people write: numbers that nothing else is taken for, and a sentence on the first that is wrong."""

from typing import Annotated

from pydantic import Field, ValidationError

from search_spaces.documents import place_of, shortened

Whole = Annotated[int, Field(strict=True, ge=-(1 << 62), le=1 << 62)]
"""An integer; neither `yes`, which YAML takes for true and Python for 1, nor 3.0 nor "3"."""

Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A finite number; neither a truth value nor a text."""

Truth = Annotated[bool, Field(strict=True)]
"""True or false, and not 1."""

Seed = Annotated[int, Field(strict=True, ge=0, lt=1 << 31)]
"""What a generator of random numbers starts from."""


def message_of(error: ValidationError) -> str:
    """Return what is wrong with the first field that is, as a clause without a full stop."""
    return shortened(error.errors()[0]["msg"].removeprefix("Value error, ").removesuffix("."), 200)


def in_words(error: ValidationError, origin: str) -> str:
    """Return a sentence on the first field that is wrong in `origin`."""
    place = place_of(error.errors()[0]["loc"])
    return f"{origin}: '{place}': {message_of(error)}." if place else f"{origin}: {message_of(error)}."
