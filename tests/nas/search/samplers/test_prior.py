from pathlib import Path

import numpy as np
import pytest
from tables import formula_table

from nas.search.option import NO_PRIOR, SHIPPED_PRIOR
from nas.search.samplers.prior import FEWEST, Prior, believed, load_prior, rows_of
from nas.table import Table, write_table
from search_spaces import SPACES, load_plugin

DOTS = Path(__file__).parents[3] / "spaces" / "dots.py"


@pytest.fixture
def table() -> Table:
    load_plugin(DOTS)
    return formula_table(noise=0.05)


def test_a_prior_orders_networks_that_it_has_not_seen(table: Table) -> None:
    rows = rows_of(table, "dots")
    prior = Prior(SPACES.get("dots"), [rows[:40]])
    mean, deviation = prior.predict([(row.choices, {"macs": row.macs, "params": row.params}) for row in rows[40:]])
    assert np.corrcoef(mean, [row.gain for row in rows[40:]])[0, 1] > 0.8
    assert (deviation > 0).all()


def test_sources_on_other_images_are_standardised_and_small_ones_are_left_out(table: Table) -> None:
    rows = rows_of(table, "dots")
    dots = SPACES.get("dots")
    assert Prior(dots, [rows[:30], rows[30:]]).count == len(rows)
    assert Prior(dots, [rows[: FEWEST - 1]]).count == 0


def test_the_prior_comes_from_the_package_a_file_or_nowhere(table: Table, tmp_path: Path) -> None:
    write_table(table, tmp_path / "night.json.gz")
    shipped, own = load_prior(SHIPPED_PRIOR, "hybrid"), load_prior(str(tmp_path / "night.json.gz"), "dots")
    assert shipped is not None and shipped.count >= 180
    assert own is not None and own.count == len(table.rows)
    assert load_prior(NO_PRIOR, "hybrid") is None
    assert load_prior(SHIPPED_PRIOR, "dots") is None


def test_a_search_believes_a_prior_that_its_networks_confirm() -> None:
    rng = np.random.default_rng(0)
    prior = rng.normal(size=20)
    line = believed(prior, 35.0 + 0.8 * prior + 0.1 * rng.normal(size=20))
    assert line.slope == pytest.approx(0.8, abs=0.1)
    assert line.at(np.zeros(1)) == pytest.approx(35.0, abs=0.1)


def test_a_search_forgets_a_prior_that_says_nothing() -> None:
    rng = np.random.default_rng(0)
    slopes = [believed(rng.normal(size=40), rng.normal(size=40)).slope for _ in range(20)]
    assert np.mean(slopes) < 0.2


def test_before_a_search_has_networks_its_prior_is_trusted() -> None:
    assert believed(np.zeros(0), np.zeros(0)).slope > 0
    single = believed(np.array([1.0]), np.array([36.0]))
    assert single.at(np.array([1.0])) == pytest.approx(36.0)


def test_a_prior_that_contradicts_the_search_is_never_turned_round() -> None:
    prior = np.linspace(-1, 1, 20)
    assert believed(prior, -prior).slope == 0
