import pytest
import torch
from torch.nn import functional as F

from nas.cost import cost
from search_spaces import SPACES, Architecture
from search_spaces.families.rcan import AttentiveBlock

RCAN = SPACES.get("rcan")


def authors_state(width: int, groups: int, blocks: int, scale: int) -> dict[str, torch.Tensor]:
    squeezed = max(1, width // 16)
    shapes = {"head.0": (width, 3, 3, 3), f"body.{groups}": (width, width, 3, 3)}
    for group in range(groups):
        shapes[f"body.{group}.body.{blocks}"] = (width, width, 3, 3)
        for block in (f"body.{group}.body.{index}.body" for index in range(blocks)):
            shapes |= {f"{block}.{layer}": (width, width, 3, 3) for layer in (0, 2)}
            shapes[f"{block}.3.conv_du.0"] = (squeezed, width, 1, 1)
            shapes[f"{block}.3.conv_du.2"] = (width, squeezed, 1, 1)
    steps = {2: [4], 3: [9], 4: [4, 4]}[scale]
    shapes |= {f"tail.0.{2 * step}": (factor * width, width, 3, 3) for step, factor in enumerate(steps)}
    shapes |= {"tail.1": (3, width, 3, 3), "sub_mean": (3, 3, 1, 1), "add_mean": (3, 3, 1, 1)}
    with torch.device("meta"):
        state = {f"{name}.weight": torch.empty(shape) for name, shape in shapes.items()}
        return state | {f"{name}.bias": torch.empty(shape[:1]) for name, shape in shapes.items()}


@pytest.mark.parametrize(("point", "size"), [("RCAN", (64, 10, 20)), ("RCAN-slim", (16, 2, 7))])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_authors_checkpoint_is_taken(point: str, size: tuple[int, int, int], scale: int) -> None:
    with torch.device("meta"):
        network = Architecture.published(f"rcan/{point}", scale, 3).build()
    assert not any(network.load_state_dict(RCAN.translate(authors_state(*size, scale), scale, 3)))


def test_a_block_adds_gated_convolutions() -> None:
    block, features = AttentiveBlock(8, reduction=4), torch.randn(2, 8, 5, 6)
    first, _, second, attention = block.body
    answer = second(F.relu(first(features)))
    squeeze, expand = attention.gate[0], attention.gate[2]
    gate = torch.sigmoid(expand(F.relu(squeeze(answer.mean(dim=(2, 3), keepdim=True)))))
    assert torch.allclose(block(features), features + answer * gate, atol=1e-6)


def test_the_published_network_sees_0_to_255_less_the_colour_mean() -> None:
    network = Architecture.published("rcan/RCAN-slim", 2, 3).build()
    seen = []
    network.head.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    network(torch.ones(1, 3, 4, 4))
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([255 * (1 - mean) for mean in (0.4488, 0.4371, 0.4040)])


def test_the_slim_network_is_near_the_articles() -> None:
    # Two groups of seven blocks of width 16, counted by hand: 3x3 convolutions, the gates and the ends.
    convolutions = (2 * 7 * 2 + 2 + 1) * (16 * 16 * 9 + 16)
    gates = 2 * 7 * (16 + 1 + 16 + 16)
    ends = (3 * 16 * 9 + 16) + (16 * 64 * 9 + 64) + (16 * 3 * 9 + 3)
    price = cost(Architecture.published("rcan/RCAN-slim", 2, 3))
    assert price.params == convolutions + gates + ends == pytest.approx(80_603, rel=0.03)
    assert price.macs == pytest.approx(20.135e9, rel=0.06)
