"""Slow cases that take turns: each run of the tests has a tenth of them, another one every day."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

TENTHS = 10


def tenth() -> int:
    """Return whose turn it is, 0..9: that of the day, or of NAS_TENTH, which runs one again."""
    return int(os.environ.get("NAS_TENTH") or datetime.now(UTC).toordinal()) % TENTHS


def rotating(values: Sequence[str]) -> list[Any]:
    """Return the values as parameters of a test, those slow whose turn it isn't: `pytest -m slow` runs the others."""
    return [
        pytest.param(value, marks=() if index % TENTHS == tenth() else pytest.mark.slow)
        for index, value in enumerate(values)
    ]
