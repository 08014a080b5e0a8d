"""What a table holds: networks that fit, evenly over the costs, and the same ones whenever they are asked for."""

import math

import pytest

from nas.budget import Budget
from nas.cost import screening_cost
from nas.errors import InputError
from nas.search.benchmark.selection import BANDS, Selected, Wanted, published, select, spread
from search_spaces import SPACES, Architecture, load_plugin

from ..conftest import SPACES as PLUGINS

LIMIT = 300_000_000


def wanted(budget: str = "300M-MACs") -> Wanted:
    return Wanted(2, 1, (1280, 720), (Budget.parse(budget),))


def names(selected: list[Selected]) -> list[str]:
    return [one.architecture.fingerprint for one in selected]


@pytest.fixture(autouse=True)
def _dots() -> None:
    load_plugin(PLUGINS / "dots.py")


def test_all_are_different_and_fit_the_budget() -> None:
    found = spread(SPACES.get("dots"), 15, wanted())
    assert len(set(names(found))) == len(found) >= 12
    assert max(one.price.macs for one in found) <= LIMIT


def test_each_ratio_of_costs_gets_the_same_number() -> None:
    space = SPACES.get("dots")
    found = spread(space, BANDS, wanted("600M-MACs"))
    low = Architecture("dots", 2, 1, space.smallest)
    least = screening_cost(low).macs
    octaves = math.log2(6e8 / least) / BANDS
    bands = [min(BANDS - 1, max(0, int(math.log2(one.price.macs / least) / octaves))) for one in found]
    assert [bands.count(band) for band in range(BANDS)] == [1] * BANDS


def test_what_a_search_pins_is_pinned() -> None:
    (one,) = spread(SPACES.get("hybrid"), 1, wanted("8G-MACs"))
    assert one.architecture.choices["image_skip"] == "bicubic"


def test_the_same_come_again_and_asking_for_more_adds_to_them() -> None:
    few, many = spread(SPACES.get("dots"), 10, wanted()), spread(SPACES.get("dots"), 20, wanted())
    assert names(few) == names(spread(SPACES.get("dots"), 10, wanted()))
    assert set(names(few)) < set(names(many))


def test_a_space_with_few_networks_gives_what_it_has() -> None:
    assert len(spread(SPACES.get("dots"), 500, wanted("20M-MACs"))) < 500


def test_published_points_of_every_space_that_fit_come_along() -> None:
    points = {one.name: one for one in published(wanted("1G-MACs"))}
    assert {"ecbsr/M4C8", "fsrcnn/FSRCNN-s", "dots/Dots-A"} <= set(points)
    assert points["ecbsr/M4C8"].architecture.choices["image_skip"] is True
    assert "falsr/FALSR-A" not in points


def test_the_order_is_that_of_fingerprints_with_each_network_once() -> None:
    found = select({"dots": 5, "ecbsr": 2}, wanted("1G-MACs"))
    assert names(found) == sorted(set(names(found)))
    assert {one.name for one in found} > {None, "dots/Dots-A"}


def test_a_budget_under_the_smallest_network_is_refused() -> None:
    with pytest.raises(InputError, match="smallest network of the space 'dots'"):
        spread(SPACES.get("dots"), 5, wanted("1K-MACs"))
    with pytest.raises(InputError, match="budget of multiply-adds"):
        spread(SPACES.get("dots"), 5, wanted("900K-params"))
