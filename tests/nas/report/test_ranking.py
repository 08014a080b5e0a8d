"""How a ranking is shown: table, sentences, plain data, picture."""

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from nas.data.images import read_image
from nas.evidence.ranking.agreement import Estimate, Ranked
from nas.evidence.ranking.evidence import Evidence
from nas.report.ranking_picture import draw_ranking
from nas.report.ranking_tables import proxies_data, ranking_data, ranking_lines, ranking_table, summary
from proxies import PROXIES


def evidence(networks: int = 40) -> Evidence:
    draws = np.random.default_rng(0)
    macs = np.exp(draws.uniform(20, 24, networks))
    truth = 34 + 0.1 * np.log(macs) + 0.1 * draws.normal(size=networks)
    good, partial = truth + 0.02 * draws.normal(size=networks), truth.copy()
    partial[:3] = math.nan
    proxies = (
        Ranked("macs", macs, 0.2),
        Ranked("good", good, 12.5),
        Ranked("constant", np.ones(networks)),
        Ranked("partial", partial),
    )
    return Evidence(1000, truth, macs, proxies, left_out=2)


def test_the_table_fits_a_terminal_and_shows_figures_with_intervals() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(ranking_table(evidence().agreements(), "night"))
    text = console.export_text()
    assert "…" in text and "+1.00" in text and "12.5" in text
    rows = [line for line in text.splitlines() if line.startswith("│") and line[2] != " "]
    assert [row.split()[1] for row in rows][-1] == "constant"
    assert rows[-1].count("–") == 4  # no tau, at equal cost neither, no Spearman, no seconds


def test_the_lines_say_what_the_figures_mean() -> None:
    of = evidence()
    lines = ranking_lines(of, of.agreements())
    assert "PSNR after 1000 steps of 40 networks" in lines[0]
    assert "over 180 pairs" in lines[1]  # four bands of ten
    assert "2 networks without such a training are left out." in lines
    assert "partial has scores for 37 networks only." in lines
    assert lines[-1].startswith("At equal cost, significantly better than MACs alone: ") and "good" in lines[-1]


def test_where_nothing_is_sure_it_says_so() -> None:
    of = evidence(8)
    noise = Ranked("noise", np.random.default_rng(1).normal(size=8))
    of = Evidence(of.steps, of.truth, of.macs, (of.proxies[0], noise), 0)
    last = ranking_lines(of, of.agreements())[-1]
    assert last.startswith("At equal cost, no proxy is significantly better than MACs")


def test_a_tau_of_exactly_nothing_is_a_conclusion_too() -> None:
    of = evidence()
    agreements = of.agreements()
    macs = next(entry for entry in agreements if entry.proxy == "macs")
    exact = [replace(macs, tau_at_equal_cost=Estimate(0.0, -0.1, 0.1)), *(a for a in agreements if a is not macs)]
    assert ranking_lines(of, exact)[-1] == "At equal cost, significantly better than MACs alone: partial, good."


def test_the_data_is_json() -> None:
    of = evidence()
    data = json.loads(json.dumps(ranking_data(of, of.agreements()), allow_nan=False))
    assert data["networks"] == 40
    assert {entry["proxy"] for entry in data["proxies"]} == {"macs", "good", "constant", "partial"}
    assert all(entry["pairs"] <= 180 for entry in data["proxies"])


def test_the_picture_has_a_panel_for_each_proxy(tmp_path: Path) -> None:
    of = evidence()
    figure = draw_ranking(of, of.agreements(), "night")
    assert [axes.get_title().split(":")[0] for axes in figure.axes[:4]] == [entry.proxy for entry in of.agreements()]
    figure.savefig(tmp_path / "ranking.png")
    assert read_image(tmp_path / "ranking.png").shape[1] > 1000


def test_networks_of_one_cost_are_drawn_too() -> None:
    of = evidence()
    figure = draw_ranking(Evidence(5, of.truth, np.full(40, 2e9), of.proxies, 0), of.agreements(), "equal")
    figure.draw_without_rendering()
    (bar,) = [axes for axes in figure.axes if axes.get_ylabel() == "MACs, in G"]
    low, high = bar.get_ylim()
    assert low <= 2 <= high


def test_every_proxy_says_what_it_is_in_a_sentence() -> None:
    assert list(proxies_data(PROXIES)) == PROXIES.names()
    assert all(summary(proxy).endswith(".") for proxy in PROXIES)
