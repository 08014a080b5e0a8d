import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from nas.cost import cost
from nas.evaluation.comparison import Evaluation
from nas.metrics import Measurement, Protocol, select_metrics
from search_spaces import Architecture

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
KNOWN = json.loads((REFERENCE / "known_networks.json").read_text())
SHOWN = {row["network"]: row for row in KNOWN["networks"] if row["network"] in ("bicubic", "ecbsr/M4C16")}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "known_networks.py"))


@pytest.fixture(scope="module")
def rows(script: dict[str, Any]) -> list[Any]:
    """Bicubic interpolation and a network, with the figures that were measured and the cost as it is counted now."""
    trained = script["Trained"](cost(Architecture.published("ecbsr/M4C16", 2)), SHOWN["ecbsr/M4C16"]["minutes"])
    means = {name: {metric: row[metric] for metric in KNOWN["metrics"]} for name, row in SHOWN.items()}
    return [script["Row"](name, means[name], None if name == "bicubic" else trained) for name in SHOWN]


def test_the_rows_are_those_of_the_file(rows: list[Any]) -> None:
    assert [row.to_dict() for row in rows] == list(SHOWN.values())


def test_the_table_says_the_same_by_rising_psnr(script: dict[str, Any], rows: list[Any]) -> None:
    written = (REFERENCE / "known_networks.md").read_text().splitlines()
    metrics, _ = select_metrics(list(KNOWN["metrics"]))
    measured = tuple((row.network, Measurement(row.means, ())) for row in rows)
    evaluation = Evaluation(Protocol(**KNOWN["protocol"]), metrics, measured, (), {})
    table = script["markdown"](rows[::-1], evaluation, KNOWN["training"]).splitlines()
    assert table == [line for line in written if not line.startswith("| ") or line.split(" ")[1] in ("network", *SHOWN)]


def test_the_picture_has_a_dot_for_each_network_and_a_line_for_bicubic(script: dict[str, Any], rows: list[Any]) -> None:
    (axes,) = script["picture"](rows, KNOWN["training"]).axes
    assert any("M4C16" in text.get_text() for text in axes.texts)
    assert any(list(line.get_ydata()) == [SHOWN["bicubic"]["psnr"]] * 2 for line in axes.lines)
