import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.rrdb import DenseBlock, ResidualDenseBlocks

RRDB = SPACES.get("rrdb")

OLD = ("RRDB_trunk", "RDB", "trunk_conv", "upconv", "HRconv")
"""The names in files of ESRGAN and BSRGAN."""
NEW = ("body", "rdb", "conv_body", "conv_up", "conv_hr")
"""The names in files of Real-ESRGAN, and of ESRGAN since."""


def authors_state(names: tuple[str, ...], inputs: int, steps: int) -> dict[str, torch.Tensor]:
    trunk, dense, trunk_end, enlarge, high = names
    widths = {"conv_first": (inputs, 64), trunk_end: (64, 64), high: (64, 64), "conv_last": (64, 3)}
    widths |= {f"{enlarge}{step}": (64, 64) for step in range(1, steps + 1)}
    for block in (f"{trunk}.{i}.{dense}{j}" for i in range(23) for j in (1, 2, 3)):
        widths |= {f"{block}.conv{k}": (64 + 32 * (k - 1), 64 if k == 5 else 32) for k in range(1, 6)}
    with torch.device("meta"):
        state = {f"{name}.weight": torch.empty(o, i, 3, 3) for name, (i, o) in widths.items()}
        return state | {f"{name}.bias": torch.empty(o) for name, (_, o) in widths.items()}


@pytest.mark.parametrize(
    ("point", "scale", "state"),
    [
        ("ESRGAN", 4, authors_state(OLD, 3, 2)),
        ("ESRGAN", 4, authors_state(NEW, 3, 2)),
        ("BSRGAN", 2, authors_state(OLD, 3, 1)),
        ("Real-ESRGAN-x2plus", 2, authors_state(NEW, 12, 2)),
    ],
)
def test_a_released_checkpoint_is_taken(point: str, scale: int, state: dict[str, torch.Tensor]) -> None:
    with torch.device("meta"):
        network = Architecture.published(f"rrdb/{point}", scale, 3).build()
    assert not any(network.load_state_dict(RRDB.translate(state, scale, 3)))


def test_each_convolution_sees_all_outputs_before_it() -> None:
    block, seen = DenseBlock(6, growth=2, layers=3), [torch.randn(1, 6, 5, 5)]
    for layer in block.convs:
        nn.init.normal_(layer.weight)
        seen.append(layer(torch.cat(seen, dim=1)))
        if layer is not block.convs[-1]:
            seen[-1] = torch.where(seen[-1] > 0, seen[-1], 0.2 * seen[-1])
    assert torch.allclose(block(seen[0]), seen[0] + 0.2 * seen[-1], atol=1e-5)


def test_a_new_chain_of_any_depth_only_makes_its_features_larger() -> None:
    features = torch.randn(1, 32, 8, 8)
    deep = nn.Sequential(*(ResidualDenseBlocks(32, 16, 5, 3) for _ in range(24)))
    assert F.mse_loss(deep(features) / 1.2**24, features) < 0.05


def test_unshuffling_trades_resolution_for_channels() -> None:
    network = Architecture.published("rrdb/Real-ESRGAN-x2plus").replaced(blocks=1).build()
    seen = []
    network.head.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    image = torch.rand(1, 1, 5, 6)
    assert network(image).shape == (1, 1, 10, 12)
    assert seen[0].shape == (1, 4, 3, 3)
    assert torch.equal(seen[0][0, :, 1, 2], image[0, 0, 2:4, 4:6].flatten())
    # The missing sixth row mirrors the fourth.
    assert torch.equal(seen[0][0, 2:, 2, 0], image[0, 0, 3, 0:2])
