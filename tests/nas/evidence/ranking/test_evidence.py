import math
from typing import Any

import numpy as np
import pytest

from nas.errors import InputError
from nas.evidence.ranking.evidence import gather


def row(number: int, **fields: Any) -> dict[str, Any]:
    curve = [[100, 30.0 + number], [200, 31.0 + number]]
    return {"macs": 10.0**number, "params": number, "curves": {"0": curve}, "proxies": {}, "seconds": {}, **fields}


def test_the_truth_is_the_longest_training() -> None:
    evidence = gather([row(number) for number in range(5)])
    assert evidence.steps == 200
    assert evidence.truth.tolist() == [31.0, 32.0, 33.0, 34.0, 35.0]
    assert evidence.macs.tolist() == [1.0, 10.0, 100.0, 1000.0, 10000.0]


def test_shorter_trainings_and_costs_count_as_proxies() -> None:
    evidence = gather([row(number, seconds={"training": 40.0}) for number in range(4)])
    by_name = {proxy.name: proxy for proxy in evidence.proxies}
    assert list(by_name) == ["macs", "params", "100 steps"]
    assert by_name["100 steps"].values.tolist() == [30.0, 31.0, 32.0, 33.0]
    assert by_name["100 steps"].seconds == 20.0
    assert by_name["macs"].seconds is None


def test_of_several_seeds_the_mean_is_the_truth_and_the_first_the_proxy() -> None:
    curves = {"0": [[100, 30.0], [200, 31.0]], "1": [[100, 34.0], [200, 32.0]]}
    evidence = gather([row(number, curves=curves) for number in range(4)])
    assert evidence.truth.tolist() == [31.5] * 4
    assert {p.name: p for p in evidence.proxies}["100 steps"].values.tolist() == [30.0] * 4


def test_what_a_proxy_did_not_say_is_unknown() -> None:
    rows = [row(number, proxies={"synflow": 2.0}, seconds={"synflow": 0.1}) for number in range(4)]
    rows[1] |= {"proxies": {"synflow": None}}
    rows[2] |= {"proxies": {}, "seconds": 30.0}
    (synflow,) = (proxy for proxy in gather(rows).proxies if proxy.name == "synflow")
    assert np.isnan(synflow.values).tolist() == [False, True, True, False]
    assert synflow.seconds == 0.1


def test_networks_without_that_training_are_left_out() -> None:
    rows = [row(number) for number in range(6)] + [row(6, curves={}), row(7, curves={"0": [[100, 30.0]]})]
    evidence = gather(rows)
    assert (len(evidence.truth), evidence.left_out) == (6, 2)
    earlier = gather(rows, steps=100)
    assert (len(earlier.truth), earlier.left_out, earlier.steps) == (7, 1, 100)


def test_too_few_networks_are_refused() -> None:
    with pytest.raises(InputError, match=r"No network is trained yet"):
        gather([row(1, curves={})])
    with pytest.raises(InputError, match=r"Only 3 networks are trained for 200 steps, too few to rank"):
        gather([row(number) for number in range(3)])
    with pytest.raises(InputError, match=r"Only 0 networks are trained for 150 steps.*lengths there are: 100, 200"):
        gather([row(number) for number in range(5)], steps=150)


def test_the_best_at_equal_cost_comes_first() -> None:
    truth = np.random.default_rng(0).permutation(40)
    rows = [
        row(0, macs=float(number + 1), curves={"0": [[9, float(t)]]}, proxies={"good": t + 0.1, "bad": -t, "no": 1.0})
        for number, t in enumerate(truth.tolist())
    ]
    agreements = gather(rows).agreements()
    names = [one.proxy for one in agreements]
    assert names[0] == "good" and names[-3:].index("bad") < names[-3:].index("no")
    assert math.isnan(agreements[-1].tau_at_equal_cost.value)
