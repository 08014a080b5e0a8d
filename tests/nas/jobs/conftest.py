"""Runs of tiny networks on tiny images."""

from pathlib import Path

import pytest
from searches import Begin, beginner


@pytest.fixture
def begin(tmp_path: Path, tiny_data: Path) -> Begin:
    """Return a function that starts a run of the space `dots`, or goes on with it; keywords change the request."""
    return beginner(tmp_path, tiny_data)
