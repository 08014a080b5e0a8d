"""A room imports only from below: what the folders and modules may know of each other."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ORDER = (
    "search_spaces",
    "proxies",
    "nas",
    "nas.errors",
    "nas.fields",
    "nas.files",
    "nas.interrupt",
    "nas.progress",
    "nas.weights",
    "nas.features",
    "nas.data",
    "nas.metrics",
    "nas.image_size",
    "nas.cost",
    "nas.budget",
    "nas.model",
    "nas.permission",
    "nas.plugins",
    "nas.objectives",
    "nas.pareto",
    "nas.check",
    "nas.deploy",
    "nas.convert",
    "nas.training",
    "nas.search",
    "nas.report",
    "nas.cli",
    "nas.__main__",
)
"""All rooms from the lowest; each may import itself and those before it. `nas` is its `__init__.py` alone."""

OTHERS = {"search_spaces": {"torch", "yaml"}, "proxies": {"torch", "numpy", "sklearn"}}
"""The packages of others that these rooms may import, beside Python's own."""

OPTUNA, KNOW_OPTUNA = {"optuna", "optuna_dashboard"}, {"nas.search", "nas.report"}


def faults(root: Path) -> list[str]:
    """Return a sentence for each import below `root`, also inside functions, that a room may not make."""
    files = sorted(file for package in ("nas", "proxies", "search_spaces") for file in (root / package).rglob("*.py"))
    return [fault for file in files for fault in faults_of(file, file.relative_to(root))]


def faults_of(file: Path, name: Path) -> Iterator[str]:
    room = room_of(".".join(name.with_suffix("").parts))
    if room not in ORDER:
        yield f"{name} has no place among the rooms of tests/test_rooms.py."
        return
    for module in imported(file):
        other, package = room_of(module), module.partition(".")[0]
        if package == "":
            yield f"{name} imports from '{module}'; write the whole name of the module."
        elif other in ORDER[ORDER.index(room) + 1 :]:
            yield f"{name} imports {module}, but {room} lies below {other}."
        elif package in OPTUNA and room not in KNOW_OPTUNA:
            yield f"{name} imports {module}, which only {' and '.join(sorted(KNOW_OPTUNA))} know."
        elif other not in ORDER and room in OTHERS and package not in OTHERS[room] | sys.stdlib_module_names:
            yield f"{name} imports {module}, but {room} knows no package but {', '.join(sorted(OTHERS[room]))}."


def room_of(module: str) -> str:
    """Return the room of a module: `nas.data` of `nas.data.images`, `proxies` of `proxies.proxy`."""
    parts = module.removesuffix(".__init__").split(".")
    return ".".join(parts[:2] if parts[0] == "nas" else parts[:1])


def imported(file: Path) -> Iterator[str]:
    """Yield the full names of what a file imports; those of relative imports begin with a dot."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (f"{node.module}." if node.module else "")
            yield from (origin + alias.name for alias in node.names)


def test_every_room_imports_only_itself_and_those_below() -> None:
    found = faults(ROOT)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("file", "line", "sentence"),
    [
        ("search_spaces/a.py", "import proxies", "imports proxies, but search_spaces lies below proxies."),
        ("proxies/a.py", "from nas.errors import E", "imports nas.errors.E, but proxies lies below nas.errors."),
        ("nas/data/a.py", "import nas.metrics.b", "imports nas.metrics.b, but nas.data lies below nas.metrics."),
        ("nas/cost.py", "from nas import budget", "imports nas.budget, but nas.cost lies below nas.budget."),
        (
            "nas/training/a.py",
            "import optuna.trial",
            "imports optuna.trial, which only nas.report and nas.search know.",
        ),
        ("proxies/a.py", "import cv2", "imports cv2, but proxies knows no package but numpy, sklearn, torch."),
        ("nas/data/a.py", "from . import b", "imports from '.b'; write the whole name of the module."),
        ("nas/helpers.py", "import torch", "has no place among the rooms of tests/test_rooms.py."),
    ],
)
def test_an_import_that_goes_upward_is_named_with_its_file(tmp_path: Path, file: str, line: str, sentence: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(f"def late():\n    {line}\n")
    assert faults(tmp_path) == [f"{file} {sentence}"]


def test_imports_that_go_downward_are_none(tmp_path: Path) -> None:
    for file in ("nas/search/a.py", "proxies/a.py"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("import json\nimport sklearn.tree\nfrom search_spaces.registry import Registry\n")
    (tmp_path / "nas/search/b.py").write_text(
        "import optuna\nfrom nas.search.a import x\nfrom nas.data import images\n"
    )
    assert faults(tmp_path) == []
