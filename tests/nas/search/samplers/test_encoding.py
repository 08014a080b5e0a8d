import numpy as np
import pytest

from nas.search.samplers.encoding import Encoding
from search_spaces import SPACES, Architecture


def test_ordered_choices_are_one_number_and_others_one_for_each_value() -> None:
    space = SPACES.get("falsr")
    encoding, choices = Encoding(space), dict(space.smallest)
    numbers = dict(zip(encoding.names, encoding(choices), strict=True))
    assert numbers["cell1.width"] == 0 and numbers["cell1.op=group4"] == 1 and numbers["cell1.op=conv"] == 0
    larger = encoding(choices | {"cell1.width": 64})
    assert larger[encoding.names.index("cell1.width")] == 1


def test_equal_networks_are_equal_vectors() -> None:
    space = SPACES.get("falsr")
    choices = dict(space.smallest)  # one repeat, which a skip can't span
    assert (Encoding(space)(choices) == Encoding(space)(choices | {"cell1.skip": True})).all()


def test_the_sums_count_a_choice_wherever_it_stands() -> None:
    space = SPACES.get("falsr")
    encoding, choices = Encoding(space), dict(space.smallest)
    changed = choices | {"cell2.op": "conv", "cell6.op": "conv", "edge.0-3": True, "edge.2-8": True}
    moved = choices | {"cell1.op": "conv", "cell7.op": "conv", "edge.1-4": True, "edge.5-7": True}
    sums = dict(zip(encoding.totals, encoding.sums(changed), strict=True))
    assert (sums["cell.op=conv"], sums["cell.op=group4"]) == (2, 5)
    assert sums["edge=True"] == 2 and sums["edge=False"] == 26
    assert np.array_equal(encoding.sums(changed), encoding.sums(moved))


@pytest.mark.parametrize("space", ["espcn", "edsr"])
def test_a_space_without_cells_has_no_sums(space: str) -> None:
    encoding = Encoding(SPACES.get(space))
    assert encoding.totals == () and len(encoding.sums(SPACES.get(space).smallest)) == 0


def test_blocks_hold_what_cells_share_wherever_it_stands_and_the_costs() -> None:
    encoding = Encoding(SPACES.get("hybrid"))
    choices = dict(Architecture.published("hybrid/Plain-C32M3").choices)
    swapped = choices | {"cell1.block": "identity", "cell2.block": choices["cell1.block"],
                         "cell2.repeats": choices["cell1.repeats"], "cell1.repeats": 1}  # fmt: skip
    numbers, sums, costs = encoding.blocks([(choices, {"macs": 8, "params": 4}), (swapped, {"macs": 8, "params": 4})])
    assert numbers[0] == pytest.approx(numbers[1]) and sums[0] == pytest.approx(sums[1])  # cells move up
    assert costs.tolist() == [[3, 2], [3, 2]]


def test_choices_of_an_old_run_are_those_that_they_meant() -> None:
    hybrid = SPACES.get("hybrid")
    old = {name: value for name, value in hybrid.smallest.items() if name != "input"}
    assert np.array_equal(Encoding(hybrid)(old), Encoding(hybrid)({**old, "input": "plain"}))
