import math
from typing import Any

import numpy as np
import pytest

from nas.errors import InputError
from nas.evidence.ranking.evidence import gather
from nas.table import Header, Row, Table, Training
from nas.training.recipe import Recipe
from search_spaces import Architecture

RECIPE = Recipe(name="tiny", steps=4, batch=2, patch=8, learning_rate=1e-3, precision="float32")
NETWORK = Architecture.published("fsrcnn/FSRCNN").to_dict()


def trained(*psnrs: float, seed: int = 0, **fields: Any) -> Training:
    """A training of 100 steps for each value."""
    curve = tuple((100 * number, psnr) for number, psnr in enumerate(psnrs, start=1))
    return Training(seed=seed, curve=curve, **fields)


def row(number: int, **fields: Any) -> Row:
    given = {"macs": 10**number, "params": number, "trainings": (trained(30.0 + number, 31.0 + number),)} | fields
    return Row(architecture=NETWORK, **given)


def table(rows: list[Row], reference: Recipe | None = None) -> Table:
    header = Header(
        scale=2,
        budgets=("1G-MACs",),
        spaces={},
        data="night",
        data_fingerprint="0",
        protocol={},
        bicubic=(30.0, 0.9),
        recipe=RECIPE,
        reference=reference,
        device="CPU",
        clock="CPU seconds",
        versions={},
    )
    return Table(header=header, rows=tuple(rows))


def test_the_truth_is_the_longest_training() -> None:
    evidence = gather(table([row(number) for number in range(5)]))
    assert evidence.steps == 200
    assert evidence.truth.tolist() == [31.0, 32.0, 33.0, 34.0, 35.0]
    assert evidence.macs.tolist() == [1.0, 10.0, 100.0, 1000.0, 10000.0]


def test_where_there_is_a_reference_its_trainings_are_the_truth() -> None:
    rows = [
        row(number, trainings=(trained(30.0 + number), trained(0.0, 40.0 - number, is_reference=True)))
        for number in range(4)
    ]
    assert gather(table(rows, RECIPE)).truth.tolist() == [40.0, 39.0, 38.0, 37.0]
    assert gather(table([row(number) for number in range(4)])).truth.tolist() == [31.0, 32.0, 33.0, 34.0]


def test_shorter_trainings_and_costs_count_as_proxies() -> None:
    timed = [
        row(number, trainings=(trained(30.0 + number, 31.0 + number, training_seconds=38.0, validation_seconds=2.0),))
        for number in range(4)
    ]
    by_name = {proxy.name: proxy for proxy in gather(table(timed)).proxies}
    assert list(by_name) == ["macs", "params", "100 steps"]
    assert by_name["100 steps"].values.tolist() == [30.0, 31.0, 32.0, 33.0]
    assert by_name["100 steps"].seconds == 20.0
    assert by_name["macs"].seconds is None


def test_of_several_seeds_the_mean_is_the_truth_and_the_first_the_proxy() -> None:
    trainings = (trained(30.0, 31.0), trained(34.0, 32.0, seed=1))
    evidence = gather(table([row(number, trainings=trainings) for number in range(4)]))
    assert evidence.truth.tolist() == [31.5] * 4
    assert {p.name: p for p in evidence.proxies}["100 steps"].values.tolist() == [30.0] * 4


def test_what_a_proxy_did_not_say_is_unknown() -> None:
    said: list[dict[str, float | None]] = [{"synflow": 2.0}, {"synflow": None}, {}, {"synflow": 1.0}]
    seconds: list[dict[str, float]] = [{"synflow": 0.1}, {"synflow": 0.1}, {}, {}]
    rows = [row(number, proxies=said[number], proxy_seconds=seconds[number]) for number in range(4)]
    (synflow,) = (proxy for proxy in gather(table(rows)).proxies if proxy.name == "synflow")
    assert np.isnan(synflow.values).tolist() == [False, True, True, False]
    assert synflow.seconds == 0.1


def test_networks_without_that_training_are_left_out() -> None:
    short, failed = row(7, trainings=(trained(30.0),)), row(8, trainings=(Training(seed=0, failure="diverged"),))
    rows = [*(row(number) for number in range(6)), row(6, trainings=()), short, failed]
    evidence = gather(table(rows))
    assert (len(evidence.truth), evidence.left_out) == (6, 3)
    earlier = gather(table(rows), steps=100)
    assert (len(earlier.truth), earlier.left_out, earlier.steps) == (7, 2, 100)


def test_too_few_networks_are_refused() -> None:
    with pytest.raises(InputError, match=r"No network is trained yet"):
        gather(table([row(1, trainings=())]))
    with pytest.raises(InputError, match=r"Only 3 networks are trained for 200 steps, too few to rank"):
        gather(table([row(number) for number in range(3)]))
    with pytest.raises(InputError, match=r"Only 0 networks are trained for 150 steps.*existing lengths: 100, 200"):
        gather(table([row(number) for number in range(5)]), steps=150)


def test_the_best_at_equal_cost_comes_first() -> None:
    truth = np.random.default_rng(0).permutation(40)
    rows = [
        row(
            0,
            macs=number + 1,
            trainings=(Training(seed=0, curve=((9, float(t)),)),),
            proxies={"good": t + 0.1, "bad": -t, "no": 1.0},
        )
        for number, t in enumerate(truth.tolist())
    ]
    agreements = gather(table(rows)).agreements()
    names = [agreement.proxy for agreement in agreements]
    assert names[0] == "good" and names[-3:].index("bad") < names[-3:].index("no")
    assert math.isnan(agreements[-1].tau_at_equal_cost.value)
