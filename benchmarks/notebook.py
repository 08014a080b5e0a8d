"""Execute the notebook of docs/ in an empty folder and store what it shows.

python benchmarks/notebook.py
"""

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "from_python.ipynb"


def executed(folder: Path, seconds: int = 600) -> nbformat.NotebookNode:
    """Return the notebook as executed in `folder`; an error in a cell is raised."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=seconds, resources=resources, coalesce_streams=True).execute()
    for cell in notebook.cells:
        cell.metadata = {}  # when each cell was executed
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_of_tqdm(output)]
    return notebook


def _is_of_tqdm(output: nbformat.NotebookNode) -> bool:
    """Return whether an output is Optuna's warning on a missing package, which contains a path of this machine."""
    return output.get("name") == "stderr" and "TqdmWarning" in output["text"]


def main() -> None:
    """Write the notebook with its outputs."""
    with tempfile.TemporaryDirectory() as folder:
        nbformat.write(executed(Path(folder)), NOTEBOOK)


if __name__ == "__main__":
    main()
