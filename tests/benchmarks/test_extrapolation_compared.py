from pathlib import Path

import extrapolation_compared

from nas.table import read_table

TABLE = Path(__file__).resolve().parents[2] / "nas" / "tables" / "infrared-x2.json.gz"


def test_extrapolation_keeps_the_order_at_equal_cost_and_mends_it_over_all_costs() -> None:
    rows = [row for row in read_table(TABLE).trained if row.network.space == "hybrid" and row.macs >= 0.3e9]
    found = [extrapolation_compared.played(rows, 100, 900, 40, seed) for seed in range(20)]
    measured, extrapolated = zip(*found, strict=True)
    assert mean(extrapolated, 0) > mean(measured, 0) > 0.6
    assert abs(mean(extrapolated, 1) - mean(measured, 1)) < 0.02


def mean(pairs: tuple[tuple[float, float], ...], place: int) -> float:
    return sum(pair[place] for pair in pairs) / len(pairs)
