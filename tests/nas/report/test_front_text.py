"""The front as a table on 80 columns: names stay whole, or nearly."""

import io
from pathlib import Path

import pytest
from searches import beginner, work

from nas.report.console import LiteralConsole
from nas.report.front_text import front_table

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


def test_trials_of_the_run_are_called_by_their_number_and_the_title_names_the_run(
    tmp_path: Path, tiny_data: Path
) -> None:
    begin = beginner(tmp_path, tiny_data)
    name = "thermal-camera-on-the-roof-2026"
    run, data = begin(run=name, trials=5)
    work(run, data)
    console = LiteralConsole()
    console.file, console.width = io.StringIO(), 80
    console.show(front_table(run.snapshot()))
    assert isinstance(console.file, io.StringIO)
    title, *lines = console.file.getvalue().splitlines()
    assert title.startswith(f"Front of {name} (5 trained)") and max(map(len, lines)) <= 80
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    names = [row[0] for row in rows if row[1]]
    assert len(names) >= 2 and len(rows) == len(names)  # a line each
    assert all(name.startswith((":", "dots/")) for name in names) and any(name.startswith(":") for name in names)
