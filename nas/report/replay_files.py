"""The comparison of samplers as tables and as files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from nas.data.folder import SIGNED
from nas.evidence.benchmark.comparison import Estimate, Standing
from nas.evidence.benchmark.response import Response
from nas.files import make_folder, replacing, write_atomic
from nas.report.replay_picture import draw_comparison
from nas.report.tables import table


def fidelity_table(response: Response) -> Table:
    """Return the accuracy of each model on networks that it was not fitted to."""
    title = (
        f"Response fitted to {response.rows} networks of '{response.space}'; R² of log seconds "
        f"{response.r2_of_seconds:.2f}, noise between seeds {response.noise:.3f} dB"
    )
    shown = table(title, "model", "tau", "tau in MACs bands", "RMSE dB", "RMSE dB of curves")
    for name, fidelity in response.fidelities.items():
        figures = (
            f"{fidelity.tau:.2f}",
            f"{fidelity.tau_in_bands:.2f}",
            f"{fidelity.rmse:.3f}",
            f"{fidelity.rmse_of_curves:.3f}",
        )
        shown.add_row(f"{name} (taken)" if name == response.model else name, *figures)
    shown.add_row("MACs alone", f"{response.tau_of_macs:.2f}", "", "", "")
    return shown


def standings_table(standings: Sequence[Standing], data: Mapping[str, Any]) -> Table:
    """Return the table of standings, the best first; `data` is that of `comparison_data`."""
    conditions = data["conditions"]
    title = f"{conditions['seeds']} searches each; hypervolume in {conditions['hypervolume']}; ± 95 % intervals"
    shown = table(title, "sampler", "mean of all trainings", "at the end", "trainings to random's end",
                  "minutes to random's end", "seconds thinking")  # fmt: skip
    for standing in standings:
        shown.add_row(
            standing.sampler,
            _in_words(standing.area),
            _in_words(standing.final),
            "never" if standing.trainings_to_baseline is None else f"{standing.trainings_to_baseline:.0f}",
            "never" if standing.seconds_to_baseline is None else f"{standing.seconds_to_baseline / 60:.1f}",
            f"{standing.asking_seconds:.1f}",
        )
    return shown


def write_comparison(data: Mapping[str, Any], standings: Sequence[Standing], folder: Path) -> tuple[Path, Path]:
    """Write `replay.json` and `replay.png` into a folder and return their paths."""
    make_folder(folder)
    figures, picture = folder / "replay.json", folder / "replay.png"
    write_atomic(figures, json.dumps(data, indent=1) + "\n")
    response, conditions, described = data["response"], data["conditions"], data["table"]
    title = f"Samplers on {described['data']}: space '{response['space']}' within {', '.join(described['budgets'])}"
    trained = "candidates on rungs" if conditions["on_rungs"] else "every candidate trained to the end"
    subtitle = (
        f"{conditions['seeds']} replayed searches each, mean and 95 % band; {trained}, "
        f"response '{response['model']}' fitted to {response['networks']} networks"
    )
    with replacing(picture) as temporary:
        draw_comparison(standings, title, subtitle).savefig(temporary, format="png", metadata=SIGNED)
    return figures, picture


def _in_words(estimate: Estimate) -> str:
    return f"{estimate.mean:.2f} ±{(estimate.high - estimate.low) / 2:.2f}"
