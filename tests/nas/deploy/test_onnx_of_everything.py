"""Every kind of network is exported and computes the same; a tenth of them in each run of the tests."""

from pathlib import Path

import pytest
import torch
from rotating import rotating

from nas.deploy.locality import redrawn
from nas.deploy.onnx import check_onnx, to_onnx, tolerance
from search_spaces import SPACES, Architecture
from search_spaces.families.hybrid_seeds import point
from search_spaces.layers.blocks import BLOCKS

SMALL = (19, 23)
"""Of a size that no stride and no window divides, beside those that each export is checked at."""


def exported(architecture: Architecture, tmp_path: Path) -> None:
    """Export a network in which nothing is zero, and compare it with itself."""
    torch.manual_seed(0)
    network, path = redrawn(architecture.build()).eval(), tmp_path / "model.onnx"
    to_onnx(network, architecture, path)
    least = SPACES.get(architecture.space).minimum_side
    sizes = ((48, 64), (33, 47), (max(SMALL[0], least), max(SMALL[1], least)))
    assert check_onnx(path, network, sizes) < tolerance(network, architecture.channels, sizes)


@pytest.mark.parametrize("space", rotating(sorted(SPACES.names())))
def test_the_smallest_network_of_a_space(space: str, tmp_path: Path) -> None:
    known = SPACES.get(space)
    exported(Architecture(space, known.scales[0], known.channels[0], known.smallest), tmp_path)


@pytest.mark.parametrize("block", rotating(sorted(BLOCKS)))
def test_a_block_of_hybrid(block: str, tmp_path: Path) -> None:
    """Twice, since every second window is shifted."""
    exported(Architecture("hybrid", 2, 1, point(f"{block} k3 e1 x2", width=16)), tmp_path)
