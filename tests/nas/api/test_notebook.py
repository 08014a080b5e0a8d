"""docs/from_python.ipynb runs from top to bottom, and shows what it has stored."""

import re
from pathlib import Path

import nbformat
import pytest
from notebook import NOTEBOOK, executed

STORED = nbformat.read(NOTEBOOK, as_version=4)


def kinds(notebook: nbformat.NotebookNode) -> list[list[str]]:
    """Return what each cell shows: the name of a stream, or the types of a result."""
    shown = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            shown.append([str(output.get("name") or sorted(output["data"])) for output in cell.outputs])
    return shown


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_runs_and_shows_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    assert kinds(executed(tmp_path)) == kinds(STORED)


def test_it_is_small_and_says_nothing_of_the_machine_that_ran_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < 200_000
    assert not re.findall(r'["\'( ]/(?:home|root|tmp|usr|work|opt|Users)/', text)
    assert all(cell.outputs for cell in STORED.cells if cell.cell_type == "code" and not cell.source.endswith(";"))
