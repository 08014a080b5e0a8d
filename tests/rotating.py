"""Slow test cases in rotation: each run includes a tenth of them, a different tenth every day."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

TENTHS = 10


def tenth() -> int:
    """Return the number (0..9) of the tenth to run: that of the day, or NAS_TENTH to repeat an earlier run."""
    return int(os.environ.get("NAS_TENTH") or datetime.now(UTC).toordinal()) % TENTHS


def rotating(values: Sequence[str]) -> list[Any]:
    """Return the values as test parameters. Values outside the tenth are marked slow; `pytest -m slow` runs them."""
    return [
        pytest.param(value, marks=() if index % TENTHS == tenth() else pytest.mark.slow)
        for index, value in enumerate(values)
    ]
