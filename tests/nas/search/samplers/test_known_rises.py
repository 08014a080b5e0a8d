from typing import Any

import numpy as np
import pytest
from searches import settings

from nas.cost import HR_SIZE
from nas.search.history import MeasuredNetwork
from nas.search.samplers.known_rises import TableRises, load_known_rises
from nas.search.samplers.prior import rows_of
from nas.search.samplers.problem import Problem
from nas.search.schedule.rungs import Rungs
from nas.search.settings import Settings, space_fingerprint
from nas.table import SHIPPED, Row, read_table
from search_spaces import SPACES


def measured(row: Row) -> MeasuredNetwork:
    costs = {"macs": float(row.macs), "params": float(row.params)}
    return MeasuredNetwork(row.network.fingerprint, row.network.choices, costs, {1: {"psnr": 30.0}}, 0)


def test_networks_are_known_by_the_curves_of_others_like_them() -> None:
    table = read_table(SHIPPED / "infrared-x2-long.json.gz")
    problem = Problem(SPACES.get("hybrid"), 2, 1, HR_SIZE, budgets=(), fixed={})
    rows, agreements = [row for row in table.trained if row.macs < 10e9], []
    for seed in range(5):
        mixed = [rows[i] for i in np.random.default_rng(seed).permutation(len(rows))]
        some, others = table.model_copy(update={"rows": tuple(mixed[15:])}), mixed[:15]
        known = TableRises(problem.space, rows_of(some, problem), 2700)
        said = known.between([measured(row) for row in others], 100, 2700)
        octaves, curves = np.log2([row.macs for row in others]), [dict(row.trained[0].curve) for row in others]
        gained = np.array([curve[2700] - curve[100] for curve in curves])
        beside_cost = gained - np.polyval(np.polyfit(octaves, gained, 1), octaves)
        agreements.append(np.corrcoef([said[row.network.fingerprint] for row in others], beside_cost)[0, 1])
    assert np.mean(agreements) > 0.3


def test_a_rung_is_a_share_of_the_training() -> None:
    """A search with other rungs than the table reads the curves at the same share of the training."""
    table = read_table(SHIPPED / "infrared-x2-long.json.gz")
    problem = Problem(SPACES.get("hybrid"), 2, 1, HR_SIZE, budgets=(), fixed={})
    networks = [measured(row) for row in table.trained[:8]]
    said = [
        TableRises(problem.space, rows_of(table, problem), 2700 * times).between(networks, 300 * times, 900 * times)
        for times in (1, 2)
    ]
    assert said[0] == pytest.approx(said[1])


def of_hybrid(**changed: Any) -> Settings:
    """Settings of a search as it is by default: four rungs, the shipped prior."""
    fixed = dict(SPACES.get("hybrid").pinned)
    given = {"space": "hybrid", "space_fingerprint": space_fingerprint("hybrid"), "fixed": fixed}
    return settings(**given | {"budgets": ("10G-MACs",), "rungs": (100, 300, 900, 2700), "prior": "shipped"} | changed)


def test_a_search_knows_the_curves_of_the_shipped_tables_by_default() -> None:
    known = load_known_rises(of_hybrid())
    assert known is not None
    row = next(row for row in read_table(SHIPPED / "infrared-x2-long.json.gz").trained if row.macs < 10e9)
    assert known.between([measured(row)], 100, 300).keys() == {row.network.fingerprint}
    assert Rungs.of(of_hybrid(), known).known is known


@pytest.mark.parametrize(
    "changed",
    [{"prior": "none"}, {"prior": "missing.json.gz"}, {"rungs": (2700,)}],
    ids=["none", "no file", "no rungs"],
)
def test_without_a_prior_or_rungs_no_curve_is_known(changed: dict[str, Any]) -> None:
    assert load_known_rises(of_hybrid(**changed)) is None


def test_a_space_of_which_no_table_has_curves_from_the_first_rung_on_is_searched_without() -> None:
    assert load_known_rises(settings(rungs=(100, 300, 900, 2700), prior="shipped")) is None
