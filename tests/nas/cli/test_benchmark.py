"""The commands around a table, as a user gives them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Outcome, run_nas
from matplotlib.image import imread
from tables import formula_table

from nas.table import write_table
from search_spaces import load_plugin

from .conftest import DOTS, RECIPE

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    load_plugin(DOTS)
    folder = tmp_path_factory.mktemp("replay")
    write_table(formula_table(count=30), folder / "table.json")
    return folder / "table.json"


def replay(table: Path, *more: object) -> Outcome:
    short = ("--sampler", "nsga2", "--seeds", 2, "--trials", 5, "--response", "gp")
    return run_nas(table.parent, "benchmark", "replay", table.name, *short, *more)


@pytest.mark.usefixtures("few_spaces")
def test_build_writes_a_table_and_goes_on(tmp_path: Path, tiny_data: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    command = ["benchmark", "build", "--to", "tables/few.json", "--data", tiny_data, "--budget", "300M-MACs",
               "--recipe", "tiny.yaml", "--validations", 2, "--label", "tiny"]  # fmt: skip
    first = run_nas(tmp_path, *command, "--space", "dots:3", "--steps", 6)
    assert first.code == 0, first.errors
    assert "Wrote tables/few.json: 5 networks, 0 trainings are missing" in first.out
    again = run_nas(tmp_path, *command, "--space", "dots", "--architectures", 5, "--steps", 6)
    assert "2 trainings of 6 steps are missing" in again.errors
    written = json.loads((tmp_path / "tables/few.json").read_text())
    assert (written["header"]["label"], written["header"]["data"]) == ("tiny", "tiny")
    assert [step for step, _ in written["rows"][0]["trainings"][0]["curve"]] == [3, 6]


def test_replay_prints_figures_and_draws_them(table: Path) -> None:
    done = replay(table)
    assert done.code == 0, done.errors
    assert "gp (taken)" in done.out
    assert {"nsga2", "random"} <= set(done.out.split())
    folder = table.parent / "results" / "replay-table"
    assert set(json.loads((folder / "replay.json").read_text())["samplers"]) == {"nsga2", "random"}
    assert imread(folder / "replay.png").shape[:2] == (825, 1800)


def test_replay_as_json_into_a_folder_of_choice(table: Path) -> None:
    done = replay(table, "--json", "--to", "here", "--no-published", "--time", "20s")
    data = json.loads(done.out)
    assert data == json.loads((table.parent / "here" / "replay.json").read_text())
    assert (data["conditions"]["published_first"], data["conditions"]["seconds"]) == (False, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "--to", "x.json", "--space", "hybrid:many"), "'hybrid:many' lacks a number of networks"),
        (("build", "--to", "x.json", "--time", "soon"), "'soon' is not a time"),
        (("replay", "tiny.yaml"), "tiny.yaml is not a JSON document"),
    ],
)
def test_mistakes_are_refused(refused: Refused, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused("benchmark", *arguments)


def test_a_space_that_the_table_lacks_is_refused(table: Path) -> None:
    assert "0 trained networks of the space 'hybrid'" in replay(table, "--space", "hybrid").error
