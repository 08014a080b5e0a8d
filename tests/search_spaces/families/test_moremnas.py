import pytest
from closed_form import closed_form
from torch import nn

from nas.cost import cost
from search_spaces import SPACES, Architecture

PARAMS = {"MoreMNAS-C": 25_001, "MoreMNAS-D": 663_993}
MACS = {"MoreMNAS-C": 5.54, "MoreMNAS-D": 152.43}
INPUTS = {"MoreMNAS-C": (32, 16, 16, 16, 48, 16, 16, 16), "MoreMNAS-D": (32, 48, 32, 48, 48, 48, 16, 64)}
published = pytest.mark.parametrize("name", PARAMS)


def point(name: str) -> Architecture:
    return Architecture.published(f"moremnas/{name}")


@published
def test_cost_equals_the_decoded_graph_and_the_closed_form(name: str) -> None:
    price, count = cost(point(name)), closed_form(point(name).choices)
    assert price.params == count.params == PARAMS[name]
    assert price.macs == count.macs
    assert round(price.macs / 1e9, 2) == MACS[name]


@published
def test_the_first_convolutions_read_as_many_channels_as_in_the_graph(name: str) -> None:
    network = point(name).build()
    firsts = [next(m for m in cell.modules() if isinstance(m, nn.Conv2d)) for cell in [*network.cells, network.merge]]
    assert tuple(conv.in_channels for conv in firsts) == INPUTS[name]


def test_the_cells_form_a_chain_without_connections_to_choose() -> None:
    space = SPACES.get("moremnas")
    assert not [name for name in space.parameters() if name.startswith("edge")]
    assert space.sources(space.smallest) == tuple((node,) for node in range(8))


def test_it_is_falsr_without_connections() -> None:
    falsr = SPACES.get("falsr")
    edges = {name: False for name in falsr.parameters() if name.startswith("edge")}
    chain = point("MoreMNAS-D")
    twin = Architecture("falsr", 2, 1, {**chain.choices, **edges})
    assert twin.build().state_dict().keys() == chain.build().state_dict().keys()
    assert (cost(twin).params, cost(twin).macs) == (cost(chain).params, cost(chain).macs)
