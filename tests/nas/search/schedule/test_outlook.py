import numpy as np
import pytest

from nas.budget import Budget
from nas.objectives import resolve
from nas.search.history import MeasuredNetwork
from nas.search.interest import Interest, lower_ends
from nas.search.schedule.outlook import Outlook

PSNR_MACS = resolve(("psnr", "macs"))
BUDGETS = (Budget.parse("8G-MACs"),)
RANGE = Interest(lower_ends(BUDGETS, ()), BUDGETS)


def measured(name: str, giga: float, *psnrs: float, step_seconds: float | None = None) -> MeasuredNetwork:
    rungs = {steps: {"psnr": psnr} for steps, psnr in zip((10, 30, 90), psnrs, strict=False)}
    return MeasuredNetwork(name, {}, {"macs": giga * 1e9}, rungs, 0, True, step_seconds)


def outlook(*some: MeasuredNetwork) -> Outlook:
    return Outlook(some, (10, 30, 90), PSNR_MACS, RANGE)


def test_networks_are_expected_to_gain_what_others_gained() -> None:
    some = outlook(measured("a", 2, 30.0, 31.0), measured("b", 4, 30.5))
    assert some.expected[:, 0].tolist() == [-31.0, -31.5]
    assert some.expected_on(10, [0])[0, 0] == -31.0


def test_a_better_network_of_the_same_cost_is_worth_more() -> None:
    worth = outlook(*(measured(str(i), 4, 30.0 + i / 10) for i in range(5))).improvements(range(5), 10)
    assert worth[-1] > worth[-2] > 0 and np.all(np.diff(worth) >= 0)


def test_a_network_that_others_have_surpassed_is_worth_nothing() -> None:
    finished = [measured(str(i), 2, 34.0, 35.0, 36.0) for i in range(5)]
    some = outlook(*finished, measured("late", 4, 30.0))
    assert some.improvements([5], 10)[0] == 0


def test_an_uncertain_network_may_be_worth_its_training() -> None:
    """Of two networks just behind the front, that of the rung whose figures say less may still surpass it."""
    gains = [measured(str(i), 2, 34.0 - i, 35.0, 36.0) for i in range(5)]  # all the same in the end
    some = outlook(*gains, measured("low", 2, 31.9))
    assert some.improvements([5], 10)[0] > 0


def test_of_equal_networks_the_faster_is_worth_more() -> None:
    slow, fast = measured("slow", 4, 30.0, step_seconds=0.2), measured("fast", 4, 30.0, step_seconds=0.1)
    alone = [outlook(network).improvements([0], 10)[0] for network in (slow, fast)]
    assert alone[1] == pytest.approx(2 * alone[0])


def test_an_improvement_at_half_the_cost_is_worth_more() -> None:
    others = [measured("front", 8, 31.0)]
    cheap, dear = (outlook(*others, measured("new", giga, 31.2)).improvements([1], 10)[0] for giga in (2, 6))
    assert cheap > dear > 0


def test_below_the_range_a_lower_cost_is_worth_nothing_more() -> None:
    others = [measured("front", 8, 31.0)]
    at_end, below = (outlook(*others, measured("new", giga, 30.0)).improvements([1], 10)[0] for giga in (1, 0.5))
    assert at_end == pytest.approx(below)
