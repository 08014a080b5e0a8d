"""The hand-made networks of a run as a table, and the gain over them in words."""

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from nas.evidence.hand_made import HandMade, final_psnr, fully_trained
from nas.gain import Gain
from nas.image_size import show_size
from nas.objectives import OBJECTIVES, first_cost
from nas.quantities import short
from nas.report.tables import table
from nas.search.settings import Settings
from nas.search.snapshot import Snapshot


def hand_made_table(known: HandMade) -> Table:
    """Return the trained hand-made networks of a run, cheapest first."""
    size = show_size(known.settings.hr_size)
    shown = table(f"Published networks, trained alike; MACs for HR {size}", "network", "PSNR dB", "MACs", "params")
    for row in sorted(known.trained, key=lambda row: row.macs):
        shown.add_row(row.name or "", f"{final_psnr(row):.2f}", short(row.macs), short(row.params))
    return shown


def gain_lines(snapshot: Snapshot, results: Path) -> Iterator[str]:
    """Yield the gain over hand-made after brief training, or how to learn it, and the gain after full training."""
    settings = snapshot.settings
    brief = HandMade(settings, settings.recipe, results)
    if not brief.is_complete:
        yield (
            f"Gain over hand-made: not known yet; nas hand-made {settings.run} trains the published networks of the "
            "range for it."
        )
    elif found := brief.gain([candidate.figures for candidate in snapshot.candidates]):
        yield f"Gain over hand-made: {in_words(found, settings)}, after {settings.recipe.steps} steps."
    for group in fully_trained(snapshot.folder, settings):
        if found := HandMade(settings, group.recipe, results).gain(group.networks):
            count = f"{len(group.networks)} fully trained networks of the run"
            yield f"Gain over hand-made: {in_words(found, settings)}, after {group.recipe.steps} steps, of {count}."


def in_words(found: Gain, settings: Settings) -> str:
    """Return a gain in words."""
    cost = OBJECTIVES.get(first_cost(settings.objectives).name)
    parts = [f"{found.mean:+.2f} dB on average from {cost.shown(found.low)} to {cost.in_words(found.high)}"]
    if 1.0 in found.at:
        parts.append(f"{found.at[1.0]:+.2f} at the budget")
    parts.append(f"at least {found.least:+.2f}")
    if found.saving is not None:
        more = "fewer" if found.saving >= 0 else "more"
        parts.append(f"{abs(found.saving):.0%} {more} {cost.word} at equal PSNR")
    return ", ".join(parts)
