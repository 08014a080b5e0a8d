import pytest
import torch

from nas.jobs.forecast import Forecast
from nas.parallel.placement import Placement
from nas.report.forecast import in_words

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
ONE, ALL = Placement((CPU,), 1), Placement((CPU,), 2)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Forecast(3, 18_000, 6000, 840.0, ONE, 2, False), "3 networks, 6,000 steps each: about 14 min on 1 of 2 cores"),
        (
            Forecast(1, 6000, 6000, 70.0, ALL, 2, False),
            "1 network, 6,000 steps: about 70 s on 2 of 2 cores",
        ),
        (
            Forecast(2, 940, 600, 540.0, ONE, 1, False),
            "2 networks, 940 of 1,200 steps left: about 9 min on 1 core",
        ),
        (
            Forecast(2, 12_000, 6000, 7500.0, Placement((GPU, GPU), 4), 16, True),
            "2 networks, 6,000 steps each: at most about 2 h 05 min on cuda:0",
        ),
    ],
)
def test_a_forecast_is_one_line(told: Forecast, words: str) -> None:
    assert in_words(told) == words
