"""Every test draws the same images each time."""

import pytest
import torch


@pytest.fixture(autouse=True)
def same_images() -> None:
    torch.manual_seed(0)
