"""The fitted response: near a formula that it has seen samples of, consistent from step to step, noisy as the table."""

import numpy as np
import pytest
from searches import SPACES
from tables import SECONDS_PER_GIGA, STEPS, formula_table, wide_is_good

from nas.cost import screening_cost
from nas.errors import InputError
from nas.evidence.benchmark.response import Response, fit
from search_spaces import Architecture, UnknownNameError, load_plugin

UNSEEN = {"width": 21, "kernel": 3, "padded": True}


@pytest.fixture(scope="module", autouse=True)
def _dots() -> None:
    load_plugin(SPACES / "dots.py")


@pytest.fixture(scope="module")
def response(_dots: None) -> Response:
    return fit(formula_table(count=40), "dots")


def price(choices: dict[str, object]) -> tuple[int, int]:
    cost = screening_cost(Architecture("dots", 2, 1, choices))
    return cost.macs, cost.params


def test_every_model_is_tried_and_the_best_of_trees_is_taken(response: Response) -> None:
    assert set(response.fidelities) == {"forest", "boosted", "trees", "gp"}
    best = min((f.rmse, name) for name, f in response.fidelities.items() if name != "gp")[1]
    assert response.model == best
    assert response.fidelities[best].tau > 0.8
    assert response.fidelities[best].rmse < 0.2


def test_a_network_that_was_not_in_the_table_is_near_the_formula(response: Response) -> None:
    macs, params = price(UNSEEN)
    assert response.curve(UNSEEN, macs, params)[-1] == pytest.approx(wide_is_good(UNSEEN, np.log2(macs)), abs=0.15)


def test_curves_hang_together_from_step_to_step(response: Response) -> None:
    curve = response.curve(UNSEEN, *price(UNSEEN))
    assert response.steps == STEPS
    assert np.diff(curve) == pytest.approx([0.5 * 200 / 900, 0.5 * 600 / 900], abs=0.05)


def test_seconds_follow_the_costs(response: Response) -> None:
    macs, params = price(UNSEEN)
    step, validation = response.seconds(UNSEEN, macs, params)
    assert step * 900 == pytest.approx(SECONDS_PER_GIGA * macs / 1e9, rel=0.1)
    assert validation == pytest.approx(0.1, rel=0.01)
    assert response.r2_of_seconds > 0.98


def test_without_repeated_seeds_there_is_no_noise(response: Response) -> None:
    assert response.noise == 0
    assert not response.deviation("0123", 0).any()


def test_noise_is_as_between_the_seeds_of_the_table() -> None:
    noisy = fit(formula_table(seeds=3, noise=0.1), "dots", "forest")
    drawn = np.array([noisy.deviation(f"{i:016x}", 0) for i in range(400)])
    assert noisy.noise == pytest.approx(0.1, rel=0.25)
    assert drawn[:, -1].std() == pytest.approx(noisy.noise, rel=0.15)
    assert abs(drawn.mean()) < 0.02


def test_a_collapsed_training_is_no_luck_of_the_other() -> None:
    table = formula_table(count=40, seeds=2, noise=0.05)
    row = table.rows[0]
    low = tuple((step, psnr - 2) for step, psnr in row.trainings[0].curve)
    collapsed = row.model_copy(
        update={"trainings": (row.trainings[0].model_copy(update={"curve": low}), *row.trainings[1:])}
    )
    before, after = (
        fit(t, "dots", "forest") for t in (table, table.model_copy(update={"rows": (collapsed, *table.rows[1:])}))
    )
    drawn = np.array([after.deviation(f"{i:016x}", 0)[-1] for i in range(2000)])
    assert after.noise == pytest.approx(before.noise, rel=0.1)
    assert drawn.min() < -1.5 and drawn.max() < 0.3
    assert np.mean(drawn < -1.5) == pytest.approx(1 / 80, abs=0.01)


def test_noise_belongs_to_a_network_and_a_seed() -> None:
    noisy = fit(formula_table(count=24, seeds=2, noise=0.1), "dots", "forest")
    assert (noisy.deviation("ab", 1) == noisy.deviation("ab", 1)).all()
    assert len({tuple(noisy.deviation("ab", seed)) for seed in range(20)}) > 5


def test_networks_of_other_spaces_and_failures_are_left_out() -> None:
    table = formula_table(count=40)
    failed = table.rows[0].model_copy(update={"trainings": (table.rows[0].trainings[0].model_copy(
        update={"curve": (), "failure": "it diverged"}),)})  # fmt: skip
    other = table.rows[1].model_copy(update={"architecture": Architecture.published("ecbsr/M4C8").to_dict()})
    whole = fit(table, "dots", "forest")
    assert fit(table.model_copy(update={"rows": (failed, other, *table.rows[2:])}), "dots", "forest").rows == (
        whole.rows - 2
    )


def test_too_few_networks_are_refused() -> None:
    with pytest.raises(InputError, match="10 trained networks of the space 'dots'; at least 20"):
        fit(formula_table().model_copy(update={"rows": formula_table().rows[:10]}), "dots")
    with pytest.raises(UnknownNameError, match="did you mean 'forest'"):
        fit(formula_table(), "dots", "forrest")
