from itertools import product

import pytest

from nas.budget import Budget
from nas.cost import HR_SIZE, cost
from nas.search.samplers.cheapest import smallest_cost
from search_spaces import SPACES, Architecture
from search_spaces.narrowed import NarrowedSpace

MORE = SPACES.get("moremnas")
NOTHING = Budget(1, "MACs"), Budget(1, "params")


@pytest.mark.parametrize("budget", NOTHING, ids=str)
def test_a_space_knows_its_own(budget: Budget) -> None:
    held = {"image_skip": True}
    expected = cost(Architecture("moremnas", 2, 1, {**MORE.smallest, **held}))
    found = smallest_cost(MORE, 2, 1, held, HR_SIZE, budget)
    assert found == {name: expected.figures[name] for name in found}


@pytest.mark.parametrize("budget", NOTHING, ids=str)
def test_the_smallest_of_a_narrowed_space_is_that_of_all_its_networks(budget: Budget) -> None:
    """The first of the operations left, which the space itself supposes to be cheap, is the dearest."""
    kept = {
        f"cell{i}.{name}": (MORE.smallest[f"cell{i}.{name}"],) for i in range(1, 8) for name in ("repeats_log2", "skip")
    }
    free = {"cell1.op": ("conv", "invert"), "cell2.op": ("conv", "group2"), "cell2.width": (32, 64)}
    space = NarrowedSpace(MORE, kept | free)
    every = ({**MORE.smallest, **dict(zip(free, values, strict=True))} for values in product(*free.values()))
    costs = [budget.of(cost(Architecture("moremnas", 2, 1, choices))) for choices in every]
    assert budget.of(smallest_cost(space, 2, 1, {}, HR_SIZE, budget)) == min(costs)
    assert budget.of(cost(Architecture("moremnas", 2, 1, space.smallest))) > min(costs)


def test_the_least_memory_is_found_where_it_is_not_that_of_the_fewest_parameters() -> None:
    imdn, least = SPACES.get("imdn"), Budget(1, "memory")
    found = smallest_cost(imdn, 2, 1, {"image_skip": True}, (320, 192), least)
    fewest = Architecture("imdn", 2, 1, {**imdn.smallest, "image_skip": True})
    assert found["memory"] < cost(fewest, (320, 192)).peak_memory


def test_any_that_fits_is_enough() -> None:
    space = NarrowedSpace(MORE, {"cell1.op": ("conv", "group2")})
    found = smallest_cost(space, 2, 1, {}, HR_SIZE, Budget(10**15, "MACs"))
    assert found["macs"] == cost(Architecture("moremnas", 2, 1, space.smallest)).macs


def test_what_is_fixed_is_not_exchanged() -> None:
    space = NarrowedSpace(MORE, {"cell1.op": ("conv", "group2")})
    held = {**MORE.smallest, "cell1.op": "conv"}
    found = smallest_cost(space, 2, 1, {"cell1.op": "conv"}, HR_SIZE, NOTHING[0])
    assert found["macs"] == cost(Architecture("moremnas", 2, 1, held)).macs


def test_the_size_is_that_of_the_run() -> None:
    whole = smallest_cost(MORE, 2, 1, {}, (1280, 720), NOTHING[0])
    assert smallest_cost(MORE, 2, 1, {}, (640, 360), NOTHING[0])["macs"] == whole["macs"] // 4
