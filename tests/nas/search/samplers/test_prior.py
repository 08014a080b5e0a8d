from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import formula_table

from nas.cost import HR_SIZE
from nas.image_size import Size
from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.samplers.prior import FEWEST, Prior, load_prior, rows_of
from nas.search.samplers.problem import Problem
from nas.table import Table, write_table
from search_spaces import SPACES, load_plugin

DOTS = Path(__file__).parents[3] / "spaces" / "dots.py"


@pytest.fixture
def table() -> Table:
    load_plugin(DOTS)
    return formula_table(noise=0.05)


def problem(space: str, scale: int = 2, channels: int = 1, hr_size: Size = HR_SIZE) -> Problem:
    return Problem(SPACES.get(space), scale, channels, hr_size, budgets=(), fixed={})


def test_a_prior_orders_networks_that_it_has_not_seen(table: Table) -> None:
    rows = rows_of(table, problem("dots"))
    prior = Prior(SPACES.get("dots"), [rows[:40]])
    mean, deviation = prior.predict([(row.choices, {"macs": row.macs, "params": row.params}) for row in rows[40:]])
    assert np.corrcoef(mean, [row.gain for row in rows[40:]])[0, 1] > 0.8
    assert (deviation > 0).all()


def test_sources_on_other_images_are_standardised_and_small_ones_are_left_out(table: Table) -> None:
    rows = rows_of(table, problem("dots"))
    dots = SPACES.get("dots")
    assert Prior(dots, [rows[:30], rows[30:]]).count == len(rows)
    assert Prior(dots, [rows[: FEWEST - 1]]).count == 0


def test_the_prior_comes_from_the_package_a_file_or_nowhere(table: Table, tmp_path: Path) -> None:
    write_table(table, tmp_path / "night.json.gz")
    shipped, own = (
        load_prior(SHIPPED_PRIOR, problem("hybrid")),
        load_prior(str(tmp_path / "night.json.gz"), problem("dots")),
    )
    assert shipped is not None and shipped.count >= 180
    assert own is not None and own.count == len(table.rows)
    assert load_prior(NO_PRIOR, problem("hybrid")) is None
    assert load_prior(SHIPPED_PRIOR, problem("dots")) is None


@pytest.mark.parametrize("asked", [{"scale": 3}, {"channels": 3}, {"hr_size": (640, 512)}], ids=str)
def test_a_prior_says_the_same_of_a_network_at_another_scale_or_size(
    table: Table, tmp_path: Path, asked: dict[str, Any]
) -> None:
    write_table(table, tmp_path / "night.json.gz")
    says = []
    for here in (problem("dots"), problem("dots", **asked)):
        prior = load_prior("night.json.gz", here, tmp_path)
        assert prior is not None
        draws = [here.draw(row.network.choices) for row in table.rows]
        says.append(prior.predict([(draw.choices, draw.cost.figures) for draw in draws])[0])
    assert np.abs(says[0] - says[1]).max() < 0.1, "costs are counted as the search counts them"


def test_figures_at_the_wrong_networks_are_no_prior(table: Table, tmp_path: Path) -> None:
    mixed = np.random.default_rng(0).permutation(len(table.rows))
    rows = [
        row.model_copy(update={"trainings": table.rows[i].trainings}) for row, i in zip(table.rows, mixed, strict=True)
    ]
    write_table(table.model_copy(update={"rows": tuple(rows)}), tmp_path / "mixed.json.gz")
    assert load_prior("mixed.json.gz", problem("dots"), tmp_path) is None


def test_a_source_of_good_networks_is_not_shifted_by_one_of_all_kinds(table: Table) -> None:
    rows = sorted(rows_of(table, problem("dots")), key=lambda row: row.gain)
    dots, best = SPACES.get("dots"), rows[len(rows) // 2 :]
    order = np.random.default_rng(0).permutation(len(rows))
    some, unseen = [rows[i] for i in order[:24]], [rows[i] for i in order[24:]]
    prior = Prior(dots, [some, best])
    mean, _ = prior.predict([(row.choices, {"macs": row.macs, "params": row.params}) for row in unseen])
    assert np.corrcoef(mean, [row.gain for row in unseen])[0, 1] > 0.8
