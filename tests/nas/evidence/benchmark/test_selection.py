"""What a table holds: networks that fit, spread over the costs, and the same ones whenever they are asked for."""

import numpy as np
import pytest

from nas.budget import Budget
from nas.errors import InputError
from nas.evidence.benchmark.selection import Wanted, select
from nas.table import Row

pytestmark = pytest.mark.usefixtures("few_spaces")


def wanted(budget: str = "300M-MACs") -> Wanted:
    return Wanted(2, 1, (1280, 720), (Budget.parse(budget),))


def names(rows: list[Row]) -> list[str]:
    return [row.network.fingerprint for row in rows]


def random(rows: list[Row], space: str = "dots") -> list[Row]:
    return [row for row in rows if row.name is None and row.network.space == space]


def test_all_are_different_and_fit_the_budget() -> None:
    rows = select({"dots": 12}, wanted())
    assert len(set(names(rows))) == len(rows)
    assert len(random(rows)) in (11, 12), "a published one may be drawn, too"
    assert max(row.macs for row in rows) <= 300e6


def test_they_are_spread_over_the_logarithm_of_the_cost() -> None:
    costs = np.sort(np.log2([row.macs for row in random(select({"dots": 12}, wanted("600M-MACs")))]))
    assert costs[-1] - costs[0] > 3
    assert np.diff(costs).max() < (costs[-1] - costs[0]) / 3


def test_what_a_search_pins_is_pinned() -> None:
    (row,) = random(select({"hybrid": 1}, wanted("1G-MACs")), "hybrid")
    assert row.network.choices["image_skip"] == "bicubic"


def test_the_same_come_again_and_asking_for_more_adds_to_them() -> None:
    few = select({"dots": 6}, wanted())
    assert few == select({"dots": 6}, wanted())
    assert set(names(few)) < set(names(select({"dots": 12}, wanted())))


def test_what_was_selected_before_stays_if_it_fits() -> None:
    before = [row for row in random(select({"dots": 12}, wanted("300M-MACs"))) if row.macs > 60e6]
    after = names(select({"dots": 12}, wanted("120M-MACs"), before))
    assert {row.macs > 120e6 for row in before} == {True, False}
    assert all((row.network.fingerprint in after) == (row.macs <= 120e6) for row in before)


def test_published_points_of_every_space_that_fit_come_along() -> None:
    points = {row.name: row for row in select({}, wanted("1G-MACs"))}
    assert {"ecbsr/M4C8", "fsrcnn/FSRCNN-s", "dots/Dots-A"} <= set(points)
    assert points["ecbsr/M4C8"].network.choices["image_skip"] is True
    assert "falsr/FALSR-A" not in points


def test_the_order_is_that_of_fingerprints() -> None:
    rows = select({"dots": 4, "ecbsr": 2}, wanted("1G-MACs"))
    assert names(rows) == sorted(names(rows))
    assert {row.name for row in rows} > {None, "dots/Dots-A"}


def test_a_budget_under_the_smallest_network_is_refused() -> None:
    with pytest.raises(InputError, match="cheapest network of the space 'dots'"):
        select({"dots": 5}, wanted("1K-MACs"))
    with pytest.raises(InputError, match="budget of multiply-adds"):
        select({"dots": 5}, wanted("900K-params"))
