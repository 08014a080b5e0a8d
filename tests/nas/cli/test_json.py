"""`--json` prints one JSON document on standard output and nothing else; whatever is noted goes to standard error."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from command import run_nas
from tables import formula_table

from nas.cli.app import app
from nas.table import write_table
from search_spaces import load_plugin

from .conftest import DOTS, Way

CASES: dict[str, list[tuple[object, ...]]] = {
    "front": [("first",)],
    "cost": [("ecbsr/M4C8", "first:0"), ("ecbsr/M4C8", "--hr", "96x64", "--latency")],
    "runs": [()],
    "targets": [()],
    "spaces": [(), ("ecbsr",)],
    "data check": [("night",)],
    "upscale": [("first:0", "night/val", "enlarged", "--overwrite")],
    "evaluate": [("first:0", "bicubic", "--data", "night/val", "--csv", "rows.csv")],
    "proxies": [()],
    "proxies rank": [("--table", "table.json")],
    "benchmark replay": [
        ("table.json", "--sampler", "nsga2", "--seeds", 1, "--trials", 3, "--response", "gp"),
    ],
}
"""Each command that has the option, with what makes it short."""


def with_json(command: Any, *words: str) -> list[str]:
    found = [" ".join(words)] if any("--json" in option.opts for option in command.params) else []
    for name, other in getattr(command, "commands", {}).items():
        found += with_json(other, *words, name)
    return found


def test_every_command_that_has_it_is_here() -> None:
    assert sorted(with_json(typer.main.get_command(app))) == sorted(CASES)


@pytest.fixture(scope="module")
def folder(way: Way) -> Path:
    load_plugin(DOTS)
    write_table(formula_table(count=30), way.folder / "table.json")
    return way.folder


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize(("command", "words"), [(c, words) for c, cases in CASES.items() for words in cases], ids=str)
def test_it_is_one_document(command: str, words: tuple[object, ...], folder: Path) -> None:
    if command == "evaluate":
        words = (str(next((folder / "results" / "first" / "trained").glob("*/architecture.yaml")).parent), *words[1:])
    ended = run_nas(folder, *command.split(), *words, "--json")
    assert ended.code == 0, ended.errors
    assert json.loads(ended.out, parse_constant=refuse)
    assert ended.out.isascii()


def test_what_is_wrong_with_images_is_json_too_and_the_exit_code_tells(tmp_path: Path) -> None:
    (tmp_path / "night").mkdir()
    (tmp_path / "night" / "broken.png").write_bytes(b"no image")
    ended = run_nas(tmp_path, "data", "check", "night", "--json")
    assert ended.code == 1, ended.errors
    assert "broken.png" in json.dumps(json.loads(ended.out, parse_constant=refuse))
