"""A room imports only from below: what the folders may know of each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def imported(folder: str) -> set[str]:
    """First two parts of the names of all modules that the files below `folder` import, also inside functions."""
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                names.add(str(node.module))
    return {".".join(name.split(".")[:2]) for name in names} | {name.split(".")[0] for name in names}


@pytest.mark.parametrize("room", ["search_spaces", "proxies"])
def test_what_can_be_built_and_scored_knows_neither_the_tool_nor_optuna(room: str) -> None:
    assert not {"nas", "optuna"} & imported(room)


def test_what_can_be_built_does_not_know_how_it_is_scored() -> None:
    assert "proxies" not in imported("search_spaces")


@pytest.mark.parametrize("room", ["nas/data", "nas/training"])
def test_data_and_training_know_nothing_of_search_and_reports(room: str) -> None:
    assert not {"optuna", "nas.search", "nas.report", "nas.cli"} & imported(room)
