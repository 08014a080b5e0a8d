"""The costs of networks as counted here, beside the published costs."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.table import Table

from nas.cost import HR_SIZE, Cost, cost, thop_macs
from nas.image_size import Size, check_size, hr_size, show_size
from nas.jobs.naming import NamedArchitecture
from nas.quantities import quantity
from nas.report.tables import table
from search_spaces import SPACES, Architecture, Claim, Published


@dataclass(frozen=True)
class Count:
    """The cost of one network."""

    named: NamedArchitecture
    cost: Cost
    thop: int | None
    """The multiply-adds as counted by thop; None if thop fails or was not asked."""
    size: str
    """Scale and image size of the count, in the words of `Claim.at`."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        published, scale = self.named.published, self.named.architecture.scale
        return {"scale": scale, **self.cost.to_dict(), "thop_macs": self.thop, **claims_data(published)}


def count(named: NamedArchitecture, hr: str | None = None, lr: str | None = None, *, with_thop: bool = True) -> Count:
    """Count the cost of a network for an HR image of the size `hr`, or for an LR image of the size `lr`.

    `with_thop` adds thop's count, which takes some seconds for a large network. Raises InputError for an invalid or too
    small size, and SpaceError for a network that can't be built.
    """
    architecture = named.architecture
    size = hr_size(hr, lr, architecture.scale) or HR_SIZE
    check_size(size, architecture.scale, SPACES.get(architecture.space).minimum_side)
    words = f"LR {show_size((size[0] // architecture.scale, size[1] // architecture.scale))}" if lr else ""
    words = f"x{architecture.scale}, {words or f'HR {show_size(size)}'}"
    return Count(named, cost(architecture, size), _thop(architecture, size) if with_thop else None, words)


def _thop(architecture: Architecture, size: Size) -> int | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return thop_macs(architecture, size)
    except Exception:  # thop's rules may fail on modules that they do not expect
        return None


def claims(published: Published | None) -> Iterator[tuple[str, Claim]]:
    """Yield the claims of a published network, each with the word for its source: `paper` or `article`."""
    if published:
        yield "paper", published.paper
        if published.article:
            yield "article", published.article


def claims_data(published: Published | None) -> dict[str, Any]:
    """Return the claims as plain data; empty for a network that is not published."""
    return {"published": {who: claim.to_dict() for who, claim in claims(published)}} if published else {}


def cost_table(counts: Sequence[Count]) -> Table:
    """Return the table of costs: a row for each network as counted here, and a row for each claim."""
    costs = table("Costs", "network", "counted", "for", "params", "MACs", "thop MACs", "peak memory", numbers_from=3)
    for entry in counts:
        price = entry.cost
        thop = "" if entry.thop is None else giga(entry.thop)
        memory = f"{price.peak_memory / 2**20:,.0f} MiB"
        costs.add_row(entry.named.label, "here", entry.size, f"{price.params:,}", giga(price.macs), thop, memory)
        for who, claim in claims(entry.named.published):
            if any(claimed(claim)):
                costs.add_row("", who, claim.at, *claimed(claim))
        costs.add_section()
    return costs


def cost_notes(counts: Sequence[Count]) -> list[str]:
    """Return a line for each claim: its source, its PSNR, and how it was counted if not as here."""
    return [
        f"{entry.named.label}, {who}: {source_and_note(claim)}."
        for entry in counts
        for who, claim in claims(entry.named.published)
    ]


def claimed(claim: Claim) -> tuple[str, str]:
    """Return the parameters and multiply-adds of a claim as text; empty if the claim has none."""
    params, macs = claim.params, claim.macs
    # Rounded figures stay short: 326K, but 401,504.
    shown = "" if params is None else f"{params:,}" if params % 100 else quantity(params)
    return shown, "" if macs is None else f"{Decimal(macs) / 10**9:,.9f}".rstrip("0").rstrip(".") + "G"


def source_and_note(claim: Claim) -> str:
    """Return the source of a claim, its PSNR, and remarks."""
    psnr = "" if claim.psnr is None else f"; {claim.psnr:.2f} dB on Set5"
    remarks = claim.remarks()
    return f"{claim.source}{psnr}{f'; {remarks}' if remarks else ''}"


def giga(macs: int) -> str:
    """Return multiply-adds in G with three decimals."""
    return f"{macs / 1e9:,.3f}G"
