import pytest
import torch
from torch import nn

from nas.cost import screening_cost
from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import point
from search_spaces.layers.block_choices import CHAINED, FIXED_EXPANSION, OWN_ACTIVATION
from search_spaces.layers.blocks import BLOCKS, block
from search_spaces.layers.fused import fused

every_block = pytest.mark.parametrize("name", BLOCKS)


def shuffled(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module.eval()


@every_block
def test_shape_is_kept_at_any_size(name: str) -> None:
    for width, kernel, expansion in ((8, 3, 1), (24, 5, 2), (16, 7, 3)):
        module = shuffled(block(name, width, kernel, expansion, "prelu"))
        for height, length in ((1, 1), (2, 17), (33, 5)):
            features = torch.rand(2, width, height, length)
            assert module(features).shape == features.shape


@every_block
def test_it_starts_as_the_identity_and_the_first_step_moves_it(name: str) -> None:
    module = block(name, 16, 3, 2, "relu")
    features = torch.rand(1, 16, 12, 12)
    out = module(features)
    if name not in CHAINED:
        assert torch.equal(out, features)
    out.sub(torch.rand_like(out)).square().mean().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in module.parameters())


@every_block
def test_kernel_expansion_and_activation_matter_unless_said_otherwise(name: str) -> None:
    def out(kernel: int = 3, expansion: int = 1, activation: str = "relu") -> torch.Tensor:
        torch.manual_seed(1)
        return shuffled(block(name, 16, kernel, expansion, activation))(features)

    features = torch.randn(1, 16, 20, 20, generator=torch.Generator().manual_seed(2))
    assert not torch.equal(out(), out(kernel=5))
    assert torch.equal(out(), out(expansion=2)) == (name in FIXED_EXPANSION)
    assert torch.equal(out(), out(activation="gelu")) == (name in OWN_ACTIVATION)


@every_block
def test_it_fuses_to_the_same_function(name: str) -> None:
    for kernel in (3, 5):
        module = shuffled(block(name, 8, kernel, 1, "relu"))
        features = torch.rand(1, 8, 10, 13)
        with torch.no_grad():
            expected = module(features)
            assert torch.allclose(fused(module)(features), expected, atol=1e-5 * expected.abs().max().item())


@every_block
def test_deep_chains_stay_in_range(name: str) -> None:
    """24 of them after each other, as initialised, neither explode nor die."""
    torch.manual_seed(0)
    chain = nn.Sequential(*(block(name, 16, 3, 2, "relu") for _ in range(24)))
    with torch.no_grad():
        out = chain(torch.randn(1, 16, 16, 16))
    assert 1e-3 < out.std() < 1e3


def test_a_collapsible_block_costs_what_a_convolution_does() -> None:
    expected, found = (
        screening_cost(Architecture("hybrid", 2, 1, point(f"{name} k5 e2", width=16))) for name in ("conv", "ecb")
    )
    assert found == expected
