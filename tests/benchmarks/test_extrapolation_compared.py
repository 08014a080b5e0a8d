import extrapolation_compared

from nas.table import SHIPPED, read_table


def taus_of(name: str, count: int) -> list[list[float]]:
    """Return the mean tau, over all and at equal cost, of each figure after 100 steps."""
    table = read_table(SHIPPED / name)
    low, high = extrapolation_compared.COSTS
    rows = [row for row in table.trained if row.network.space == "hybrid" and low <= row.macs <= high]
    found = [extrapolation_compared.played(table, rows, 100, count, seed) for seed in range(20)]
    return [[sum(run[way][place] for run in found) / len(found) for place in (0, 1)] for way in range(3)]


def test_extrapolation_keeps_the_order_at_equal_cost_and_mends_it_over_all_costs() -> None:
    measured, extrapolated, _ = taus_of("infrared-x2.json.gz", 40)
    assert extrapolated[0] > measured[0] > 0.6
    assert abs(extrapolated[1] - measured[1]) < 0.02


def test_known_curves_tell_more_of_good_networks() -> None:
    _, extrapolated, known = taus_of("infrared-x2-long.json.gz", 20)
    assert known[0] > extrapolated[0]
    assert known[1] > extrapolated[1]
