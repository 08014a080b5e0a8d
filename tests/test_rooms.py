"""A room imports only from rooms below it: the allowed imports between folders and modules."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ORDER = (
    "search_spaces.scalars",
    "search_spaces.documents",
    "search_spaces.registry",
    "search_spaces.choices",
    "search_spaces.part",
    "search_spaces.published",
    "search_spaces.shapes",
    "search_spaces.multiply_adds",
    "search_spaces.layers",
    "search_spaces.space",
    "search_spaces.skipped",
    "search_spaces.architecture",
    "search_spaces.plugins",
    "search_spaces",
    "search_spaces.narrowed",
    "search_spaces.index",
    "search_spaces.families",
    "proxies",
    "nas.version",
    "nas.callable",
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
    "nas.duration",
    "nas.cost",
    "nas.quantities",
    "nas.objectives",
    "nas.pareto",
    "nas.gain",
    "nas.budget",
    "nas.model",
    "nas.plugins",
    "nas.check",
    "nas.convert",
    "nas.training",
    "nas.table",
    "nas.deploy",
    "nas.evaluation",
    "nas.parallel",
    "nas.search",
    "nas.search.quiet",
    "nas.search.faults",
    "nas.search.option",
    "nas.search.request",
    "nas.search.names",
    "nas.search.storage",
    "nas.search.interest",
    "nas.search.settings",
    "nas.search.run_id",
    "nas.search.front",
    "nas.search.history",
    "nas.search.trial_names",
    "nas.search.extrapolation",
    "nas.search.noise",
    "nas.search.study",
    "nas.search.mended",
    "nas.search.images",
    "nas.search.samplers",
    "nas.search.sample",
    "nas.search.seeds",
    "nas.search.schedule",
    "nas.search.snapshot",
    "nas.search.run",
    "nas.search.earlier_runs",
    "nas.search.latency",
    "nas.search.costs",
    "nas.search.wanted",
    "nas.search.start",
    "nas.search.show",
    "nas.search.workers",
    "nas.jobs",
    "nas.evidence",
    "nas.report",
    "nas.api",
    "nas",
    "nas.cli",
    "nas.__main__",
)
"""All rooms, from the lowest. A room may import itself and rooms before it. A package stands for its `__init__.py`
alone."""

OTHERS = {"search_spaces": {"torch", "yaml"}, "proxies": {"torch", "numpy", "sklearn"}}
"""The third-party packages that these rooms may import, besides Python's own modules."""

OPTUNA, KNOW_OPTUNA = {"optuna", "optuna_dashboard"}, ("nas.search", "nas.evidence", "nas.report", "nas.api")


def faults(root: Path) -> list[str]:
    """Return a sentence for each import below `root` that breaks the order, also inside functions."""
    files = sorted(file for package in ("nas", "proxies", "search_spaces") for file in (root / package).rglob("*.py"))
    return [fault for file in files for fault in faults_of(file, file.relative_to(root))]


def faults_of(file: Path, name: Path) -> Iterator[str]:
    module = ".".join(name.with_suffix("").parts).removesuffix(".__init__")
    room = room_of(module)
    if room is None or (room != module and is_of_rooms(room)):
        yield f"{name} has no place among the rooms of tests/test_rooms.py."
        return
    known_to = top(room)
    for imports in imported(file):
        other, package = room_of(imports), imports.partition(".")[0]
        if package == "":
            yield f"{name} imports from '{imports}'; write the whole name of the module."
        elif other in ORDER[ORDER.index(room) + 1 :]:
            yield f"{name} imports {imports}, but {room} lies below {other}."
        elif package in OPTUNA and known_to not in KNOW_OPTUNA:
            yield f"{name} imports {imports}, which only {' and '.join(KNOW_OPTUNA)} know."
        elif other is None and package not in OTHERS.get(known_to, {package}) | sys.stdlib_module_names:
            known = ", ".join(sorted(OTHERS[known_to]))
            yield f"{name} imports {imports}, but {known_to} knows no package but {known}."


def room_of(module: str) -> str | None:
    """Return the room of a module, the longest prefix of its name that is a room: `nas.data` for `nas.data.images`."""
    parts = module.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((name for name in names if name in ORDER), None)


def is_of_rooms(room: str) -> bool:
    """Return whether each file of a package is a room of its own."""
    return any(other.startswith(f"{room}.") for other in ORDER)


def top(room: str) -> str:
    """Return the room's name as seen from outside: `nas.search` for `nas.search.storage`."""
    parts = room.split(".")
    return ".".join(parts[:2] if parts[0] == "nas" else parts[:1])


def imported(file: Path) -> Iterator[str]:
    """Yield the full names of all imports of a file; relative imports begin with a dot."""
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
        ("search_spaces/space.py", "import proxies", "imports proxies, but search_spaces.space lies below proxies."),
        (
            "search_spaces/space.py",
            "import search_spaces.families.edsr",
            "imports search_spaces.families.edsr, but search_spaces.space lies below search_spaces.families.",
        ),
        (
            "nas/search/storage/a.py",
            "from nas.search.run import Run",
            "imports nas.search.run.Run, but nas.search.storage lies below nas.search.run.",
        ),
        ("proxies/a.py", "from nas.errors import E", "imports nas.errors.E, but proxies lies below nas.errors."),
        ("nas/data/a.py", "import nas.metrics.b", "imports nas.metrics.b, but nas.data lies below nas.metrics."),
        ("nas/cost.py", "from nas import budget", "imports nas.budget, but nas.cost lies below nas.budget."),
        (
            "nas/training/a.py",
            "import optuna.trial",
            "imports optuna.trial, which only nas.search and nas.evidence and nas.report and nas.api know.",
        ),
        ("proxies/a.py", "import cv2", "imports cv2, but proxies knows no package but numpy, sklearn, torch."),
        ("nas/data/a.py", "from . import b", "imports from '.b'; write the whole name of the module."),
        ("nas/search/a.py", "import torch", "has no place among the rooms of tests/test_rooms.py."),
        ("nas/helpers.py", "import torch", "has no place among the rooms of tests/test_rooms.py."),
    ],
)
def test_an_import_that_goes_upward_is_named_with_its_file(tmp_path: Path, file: str, line: str, sentence: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(f"def late():\n    {line}\n")
    assert faults(tmp_path) == [f"{file} {sentence}"]


def test_imports_that_go_downward_are_none(tmp_path: Path) -> None:
    for file in ("nas/search/samplers/a.py", "proxies/a.py"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("import json\nimport sklearn.tree\nfrom search_spaces.registry import Registry\n")
    (tmp_path / "nas/search/run.py").write_text(
        "import optuna\nfrom nas.search.samplers.a import x\nfrom nas.data import images\n"
    )
    assert faults(tmp_path) == []
