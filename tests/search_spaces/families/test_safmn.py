import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.safmn import ModulatedBlock

SAFMN = SPACES.get("safmn")


def authors_state(width: int, blocks: int, scale: int) -> dict[str, torch.Tensor]:
    shapes: dict[str, tuple[int, ...]] = {}
    for block in (f"feats.{index}" for index in range(blocks)):
        shapes |= {f"{block}.{norm}.{kind}": (width,) for norm in ("norm1", "norm2") for kind in ("weight", "bias")}
        convolutions = {f"safm.mfr.{level}": (width // 4, 1, 3, 3) for level in range(4)}
        convolutions |= {"safm.aggr": (width, width, 1, 1), "ccm.ccm.0": (2 * width, width, 3, 3)}
        convolutions |= {"ccm.ccm.2": (width, 2 * width, 1, 1)}
        shapes |= {f"{block}.{name}.weight": shape for name, shape in convolutions.items()}
        shapes |= {f"{block}.{name}.bias": shape[:1] for name, shape in convolutions.items()}
    for name, shape in {"to_feat": (width, 3, 3, 3), "to_img.0": (3 * scale**2, width, 3, 3)}.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return {name: torch.rand(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("name", "width", "blocks", "scale"), [("SAFMN", 36, 8, 2), ("SAFMN-L", 128, 16, 4)])
def test_a_released_checkpoint_is_taken(name: str, width: int, blocks: int, scale: int) -> None:
    with torch.device("meta"):
        network = Architecture.published(f"safmn/{name}", scale, 3).build()
        assert not any(network.load_state_dict(SAFMN.translate(authors_state(width, blocks, scale), scale, 3)))


def test_a_block_adds_its_normalised_halves() -> None:
    block, features = ModulatedBlock(8, levels=2, expansion=2, kernel=3), torch.randn(1, 8, 6, 7)
    half = features + block.modulation(F.layer_norm(features.movedim(1, -1), (8,), eps=1e-6).movedim(-1, 1))
    mixed = block.mixer(F.layer_norm(half.movedim(1, -1), (8,), eps=1e-6).movedim(-1, 1))
    assert torch.allclose(block(features), half + mixed, atol=1e-5)


def test_the_figures_at_x4_are_those_of_the_paper() -> None:
    state = authors_state(36, 8, 4)
    assert sum(tensor.numel() for tensor in state.values()) == 239_520  # 240K
    products = sum(t.numel() for name, t in state.items() if t.dim() > 1 and ".mfr." not in name) * 320 * 180
    pooled = sum(8 * 9 * 9 * (320 // 2**level) * (180 // 2**level) for level in range(4))
    assert (products + pooled) / 1e9 == pytest.approx(14, abs=0.5)
