import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.carn import Cascade, Unit


class Times(torch.nn.Module):
    """Multiplies by a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.factor * features


@pytest.mark.parametrize("factors", [(2.0, 3.0), (2.0,)])
def test_a_cascade_fuses_all_that_came_before(factors: tuple[float, ...]) -> None:
    cascade = Cascade([Times(factor) for factor in factors], 2, 4)
    x = torch.rand(1, 4, 3, 3)
    first, second = (fusion[0] for fusion in cascade.fusions)
    b1 = factors[0] * x
    o1 = F.relu(F.conv2d(torch.cat([x, b1], 1), first.weight, first.bias))
    b2 = factors[-1] * o1
    o2 = F.relu(F.conv2d(torch.cat([x, b1, b2], 1), second.weight, second.bias))
    assert torch.allclose(cascade(x), o2, atol=1e-6)


@pytest.mark.parametrize("efficient", [False, True])
def test_a_unit_is_residual_and_rectified(efficient: bool) -> None:
    unit = Unit(8, 4, efficient=efficient)
    x = torch.randn(1, 8, 4, 4)
    first, second = unit.body[0], unit.body[2]
    inner = F.conv2d(
        F.relu(F.conv2d(x, first.weight, first.bias, padding=1, groups=4)),
        second.weight,
        second.bias,
        padding=1,
        groups=4,
    )
    if efficient:
        inner = F.conv2d(F.relu(inner), unit.body[4].weight, unit.body[4].bias)
    assert torch.allclose(unit(x), F.relu(x + inner), atol=1e-6)


@pytest.mark.parametrize(("shared", "units"), [(False, 3), (True, 1)])
def test_sharing_leaves_one_unit_a_block(shared: bool, units: int) -> None:
    network = Architecture.published("carn/CARN").replaced(shared_units=shared).build()
    assert [len(block.units) for block in network.body.units] == [units] * 3
    assert [len(block.fusions) for block in network.body.units] == [3] * 3


def authors_names(name: str, heads: tuple[str, ...], steps: tuple[int, ...]) -> list[str]:
    """The convolutions of the authors' state dict."""
    units, convs = (("b1",), (0, 2, 4)) if name == "CARN-M" else (("b1", "b2", "b3"), (0, 2))
    blocks = [f"b{i}" for i in (1, 2, 3)]
    names = ["entry", "exit", "sub_mean.shifter", "add_mean.shifter"]
    names += [f"{block}.{unit}.body.{i}" for block in blocks for unit in units for i in convs]
    names += [f"{prefix}c{i}.body.0" for prefix in ("", *(f"{block}." for block in blocks)) for i in (1, 2, 3)]
    return names + [f"upsample.{head}.body.{i}" for head in heads for i in (steps if head in ("up", "up4") else (0,))]


@pytest.mark.parametrize("name", ["CARN", "CARN-M"])
@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("heads", [("up2", "up3", "up4"), ("up",)])
def test_the_authors_names_are_understood_and_other_scales_left_out(
    name: str, scale: int, heads: tuple[str, ...]
) -> None:
    steps = (0, 3) if scale == 4 or len(heads) == 3 else (0,)
    convs = authors_names(name, heads, steps)
    theirs = {f"{conv}.{kind}": torch.empty(0) for conv in convs for kind in ("weight", "bias")}
    ours = Architecture.published(f"carn/{name}", scale, 3).build().state_dict()
    assert SPACES.get("carn").translate(theirs, scale, 3).keys() == ours.keys()
