"""Proxies and their rankings as tables, sentences and plain data."""

import inspect
import math
from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from nas.evidence.ranking.agreement import Agreement, Estimate
from nas.evidence.ranking.evidence import Evidence
from nas.evidence.statistics import BANDS, TOP
from nas.report.tables import table
from proxies import Proxy


def proxies_table(proxies: Iterable[Proxy]) -> Table:
    """Return the table of proxies, each with a one-line summary."""
    shown = table("Proxies", "proxy", "trains", "what it is", numbers_from=3)
    for proxy in proxies:
        shown.add_row(proxy.name, "yes" if proxy.trains else "no", summary(proxy))
    return shown


def proxies_data(proxies: Iterable[Proxy]) -> dict[str, Any]:
    """Return all proxies as plain data."""
    return {proxy.name: {"trains": proxy.trains, "summary": summary(proxy)} for proxy in proxies}


def summary(proxy: Proxy) -> str:
    """Return the first line of the docstring of a proxy."""
    return (inspect.getdoc(type(proxy)) or "").partition("\n")[0]


def ranking_table(agreements: Sequence[Agreement], title: str) -> Table:
    """Return the table of agreements, with 95 % intervals."""
    shown = table(title, "proxy", "Kendall's tau", "tau at equal cost", "Spearman", f"top {TOP:.0%}", "seconds each")
    for agreement in agreements:
        figures = [
            _in_words(figure, "+.2f") for figure in (agreement.tau, agreement.tau_at_equal_cost, agreement.spearman)
        ]
        seconds = "–" if agreement.seconds is None else f"{agreement.seconds:.3g}"
        shown.add_row(agreement.proxy, *figures, _in_words(agreement.recall, ".0%"), seconds)
    return shown


def ranking_lines(evidence: Evidence, agreements: Sequence[Agreement]) -> list[str]:
    """Return lines that explain the figures of the table, and name the proxies that are better than MACs."""
    networks, pairs = len(evidence.truth), max(agreement.pairs for agreement in agreements)
    lines = [
        f"Compared with PSNR after {evidence.steps} steps of {networks} networks; intervals hold 95 % of bootstrap "
        "samples.",
        f"At equal cost: Kendall's tau within {BANDS} bands of MACs, over {pairs} pairs of networks.",
    ]
    if evidence.left_out:
        lines.append(f"{evidence.left_out} networks without such a training are left out.")
    lines += [
        f"{agreement.proxy} has scores for {agreement.networks} networks only."
        for agreement in agreements
        if agreement.networks < networks
    ]
    cost = next((agreement.tau_at_equal_cost.value for agreement in agreements if agreement.proxy == "macs"), None)
    if cost is not None:
        better = [agreement.proxy for agreement in agreements if agreement.tau_at_equal_cost.low > max(0, cost)]
        lines.append(
            f"At equal cost, significantly better than MACs alone: {', '.join(better)}."
            if better
            else "At equal cost, no proxy is significantly better than MACs alone; a larger --sample may show more."
        )
    return lines


def ranking_data(evidence: Evidence, agreements: Sequence[Agreement]) -> dict[str, Any]:
    """Return the figures as plain data."""
    return {
        "truth": f"PSNR in dB after {evidence.steps} steps",
        "networks": len(evidence.truth),
        "left_out": evidence.left_out,
        "bands": BANDS,
        "top": TOP,
        "proxies": [agreement.to_dict() for agreement in agreements],
    }


def _in_words(estimate: Estimate, how: str) -> str:
    if math.isnan(estimate.value):
        return "–"
    return f"{estimate.value:{how}}\n{estimate.low:{how}}…{estimate.high:{how}}"
