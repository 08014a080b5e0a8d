import sys
from pathlib import Path

import pytest
from rich.console import Console

from nas.deploy.latency import PartLatency
from nas.deploy.latency_line import LineError
from nas.jobs.naming import resolve
from nas.report.costs import count
from nas.report.latencies import Timed, latency_tables, milliseconds, runtime_notes, timed

PREDICTED = Timed(
    label="rows/A",
    runtime="a phone",
    setting="rows x2, 1 channel, HR 64x48",
    size="x2, HR 64x48",
    measured_ms=120,
    predicted_ms=108,
    predictor=LineError(median=0.04, largest=0.1, networks=9),
    parts=(PartLatency("head 1 8, 1 x 24 x 32", 1, 0.51234), PartLatency("conv 8 8, 8 x 24 x 32", 4, 30)),
)
WHOLE = Timed("whole/B", "a phone", "whole x2, 1 channel, HR 64x48", "x2, HR 64x48", 7.0, None, None, ())


def rows(*times: Timed) -> list[list[str]]:
    console = Console(width=120)
    with console.capture() as captured:
        for counted in latency_tables(times):
            console.print(counted)
    lines = captured.get().splitlines()
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]


def test_networks_stand_above_what_their_parts_take() -> None:
    assert rows(PREDICTED, WHOLE) == [
        ["rows/A", "x2, HR 64x48", "120", "108", "-10%"],
        ["whole/B", "x2, HR 64x48", "7", "", ""],
        ["head 1 8, 1 x 24 x 32", "1", "0.512", "0.512"],
        ["conv 8 8, 8 x 24 x 32", "4", "30", "120"],
    ]
    assert latency_tables([]) == []


def test_a_line_says_what_was_measured_on_and_one_how_good_predictions_are() -> None:
    assert runtime_notes([PREDICTED, WHOLE]) == [
        "Measured on: a phone.",
        "Predictions for rows x2, 1 channel, HR 64x48 are off by 4% (median) and 10% (largest) over 9 measured "
        "networks, each left out of its own prediction.",
    ]


def test_the_figures_are_plain_data() -> None:
    data = PREDICTED.to_dict()
    assert data["error"] == pytest.approx(-0.1)
    assert data["predictor"] == {"median": 0.04, "largest": 0.1, "networks": 9}
    assert data["parts"][1] == {"what": "conv 8 8, 8 x 24 x 32", "repeats": 4, "ms": 30}
    assert WHOLE.to_dict()["error"] is None


@pytest.mark.parametrize(("ms", "shown"), [(0.04249, "0.0425"), (99.94, "99.9"), (99.96, "100"), (12_345.6, "12,346")])
def test_times_have_three_digits(ms: float, shown: str) -> None:
    assert milliseconds(ms) == shown


def test_networks_are_timed_on_the_device_of_a_command(tmp_path: Path) -> None:
    (tmp_path / "bench.py").write_text("import sys; print(int(sys.argv[2]) * int(sys.argv[3]) / 100, 'ms')")
    command = f"'{sys.executable}' '{tmp_path / 'bench.py'}' {{model}} {{height}} {{width}}"
    done: list[tuple[int, int]] = []
    counted = count(resolve("espcn/ESPCN"), hr="64x48")
    [time] = timed([counted], command, 1, tmp_path, progress=lambda *counts: done.append(counts))
    assert (time.label, time.runtime, time.measured_ms, time.predicted_ms) == (
        "espcn/ESPCN",
        command,
        24 * 32 / 100,
        None,
    )
    assert done == [(1, 1)]
    assert len(list((tmp_path / "cache" / "latency").glob("*.json"))) == 1
