"""What networks cost as counted here, beside what is published of them."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.table import Table

from nas.cost import HR_SIZE, Cost, cost, thop_macs
from nas.image_size import Size, check_size, hr_size, show_size
from nas.jobs.naming import Reference
from nas.quantities import quantity
from nas.report.tables import table
from search_spaces import SPACES, Architecture, Claim, Published


@dataclass(frozen=True)
class Count:
    """The cost of one network."""

    reference: Reference
    cost: Cost
    thop: int | None
    """Its multiply-adds as thop counts them; None where thop fails or was not asked."""
    size: str
    """What is counted, in the words of `Claim.at`."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        published, scale = self.reference.published, self.reference.architecture.scale
        return {"scale": scale, **self.cost.to_dict(), "thop_macs": self.thop, **claims_data(published)}


def count(reference: Reference, hr: str | None = None, lr: str | None = None, *, with_thop: bool = True) -> Count:
    """Count what a network costs for an HR image of the size `hr`, or for an LR image of the size `lr`.

    thop, a second opinion, takes some seconds of a large network.
    Raises InputError for a size that is none or too small, SpaceError for what can't be built.
    """
    architecture = reference.architecture
    size = hr_size(hr, lr, architecture.scale) or HR_SIZE
    check_size(size, architecture.scale, SPACES.get(architecture.space).minimum_side)
    words = f"LR {show_size((size[0] // architecture.scale, size[1] // architecture.scale))}" if lr else ""
    words = f"x{architecture.scale}, {words or f'HR {show_size(size)}'}"
    return Count(reference, cost(architecture, size), _thop(architecture, size) if with_thop else None, words)


def _thop(architecture: Architecture, size: Size) -> int | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return thop_macs(architecture, size)
    except Exception:  # it runs rules of its own on modules that it knows by type alone
        return None


def claims(published: Published | None) -> Iterator[tuple[str, Claim]]:
    """Yield who claims something, in a word, and the claim."""
    if published:
        yield "paper", published.paper
        if published.article:
            yield "article", published.article


def claims_data(published: Published | None) -> dict[str, Any]:
    """Return the claims as plain data; nothing for a network that is not published."""
    return {"published": {who: claim.to_dict() for who, claim in claims(published)}} if published else {}


def cost_table(counts: Sequence[Count]) -> Table:
    """Return a row for each network as counted here, and one for each claim."""
    costs = table("Costs", "network", "counted", "for", "params", "MACs", "thop MACs", "peak memory", numbers_from=3)
    for one in counts:
        price = one.cost
        thop = "" if one.thop is None else giga(one.thop)
        memory = f"{price.peak_memory / 2**20:,.0f} MiB"
        costs.add_row(one.reference.label, "here", one.size, f"{price.params:,}", giga(price.macs), thop, memory)
        for who, claim in claims(one.reference.published):
            if any(claimed(claim)):
                costs.add_row("", who, claim.at, *claimed(claim))
        costs.add_section()
    return costs


def cost_notes(counts: Sequence[Count]) -> list[str]:
    """Return a line for each claim: its source, its PSNR, and how it was counted where not as here."""
    return [
        f"{one.reference.label}, {who}: {source_and_note(claim)}."
        for one in counts
        for who, claim in claims(one.reference.published)
    ]


def claimed(claim: Claim) -> tuple[str, str]:
    """Return a claim's parameters and multiply-adds as they are claimed; empty where they are not."""
    params, macs = claim.params, claim.macs
    # Rounded figures stay short: 326K, but 401,504.
    shown = "" if params is None else f"{params:,}" if params % 100 else quantity(params)
    return shown, "" if macs is None else f"{Decimal(macs) / 10**9:,.9f}".rstrip("0").rstrip(".") + "G"


def source_and_note(claim: Claim) -> str:
    """Return where a claim stands, its PSNR, and what is to be said of it."""
    psnr = "" if claim.psnr is None else f"; {claim.psnr:.2f} dB on Set5"
    remarks = claim.remarks()
    return f"{claim.source}{psnr}{f'; {remarks}' if remarks else ''}"


def giga(macs: int) -> str:
    """Print multiply-adds in G to a thousandth."""
    return f"{macs / 1e9:,.3f}G"
