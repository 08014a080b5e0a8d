"""Building a table: every training once, whatever ends the building in between."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from command import run_nas
from searches import CPU, SPACES, Listener, start_nas, wait_until, write_recipe

from nas.cost import screening_cost
from nas.errors import InputError
from nas.evidence.benchmark.build import Build, TableRequest, _work, working_folder
from nas.table import Row, read_table
from nas.training.task import BriefTask
from nas.training.trainer import seed_all
from proxies import PROXIES, Score
from search_spaces import load_plugin

from .conftest import PLAN, Begin, work


def changed(**fields: Any) -> TableRequest:
    return TableRequest(**{name: getattr(PLAN, name) for name in ("counts", "budgets", "scale", "hr_size")} | fields)


def seeds(build: Build) -> dict[str, list[int]]:
    return {row.network.fingerprint: [t.seed for t in row.trainings] for row in build.table.rows}


def curves(row: Row) -> list[object]:
    return [(t.seed, t.curve, t.ssim) for t in row.trainings]


def test_a_row_holds_costs_and_the_curve_that_the_recipe_gives(begin: Begin) -> None:
    build = begin()
    work(build)
    row = build.table.rows[0]
    assert (row.macs, row.params) == (screening_cost(row.network).macs, screening_cost(row.network).params)
    (training,) = row.trainings
    seed_all(row.network.seed)
    again = BriefTask(build.data, build.recipe, row.network.seed, CPU).train(row.network.build())
    assert training.curve == tuple((int(e["step"]), round(e["psnr"], 4)) for e in again.curve)
    assert [step for step, _ in training.curve] == [2, 4]
    assert training.ssim == pytest.approx(again.metrics["ssim"], abs=1e-5)
    assert training.training_seconds > 0 and training.validation_seconds > 0


def test_published_networks_are_named(begin: Begin) -> None:
    build = begin()
    work(build)
    assert "dots/Dots-A" in {row.name for row in build.table.rows}
    assert None in {row.name for row in build.table.rows}


def test_all_are_trained_once_before_some_are_trained_again(begin: Begin) -> None:
    build = begin(changed(seeds=3, repeated=2))
    order = [seed for _, seed in build.open_trainings()]
    assert order == [0] * len(build.rows) + [1, 1, 2, 2]
    work(build)
    assert list(seeds(build).values()) == [[0, 1, 2]] * 2 + [[0]] * (len(build.rows) - 2)


def test_seeds_give_different_curves(begin: Begin) -> None:
    build = begin(changed(seeds=2, repeated=1))
    work(build)
    first, second = build.table.rows[0].trainings
    assert first.curve != second.curve


def test_nothing_is_trained_twice_and_more_can_be_asked_for(begin: Begin) -> None:
    work(begin())
    before = seeds(begin())
    assert begin().open_trainings() == []
    more = begin(changed(counts={"dots": 8}))
    assert {row.network.fingerprint for row, _ in more.open_trainings()}.isdisjoint(before)
    work(more)
    assert set(before) < set(seeds(more))


def test_time_that_is_up_begins_nothing(begin: Begin) -> None:
    build = begin()
    work(build, seconds=0.0)
    assert build.table.rows == ()


def test_shares_are_whole_whenever_each_process_looks(begin: Begin) -> None:
    build = begin(changed(seeds=2, repeated=3))
    whole = {(row.network.fingerprint, seed) for row, seed in build.open_trainings()}
    first = build.open_trainings(0, 2)
    _work(build, 0, 2, None, CPU, Listener(), lambda: False)
    second = build.open_trainings(1, 2)
    assert {(row.network.fingerprint, seed) for row, seed in first + second} == whole
    assert len(first + second) == len(whole)
    _work(build, 1, 2, None, CPU, Listener(), lambda: False)
    assert build.open_trainings() == build.open_proxies(["params", "synflow"]) == []


def test_several_processes_share_the_trainings(begin: Begin) -> None:
    build = begin()
    said = work(build, jobs=2)
    assert len(said) == len(build.rows) == len(build.table.rows)
    assert len(list(build.folder.glob("found-*.jsonl"))) == 2


def test_a_line_that_a_kill_cut_off_costs_one_training(begin: Begin) -> None:
    build = begin()
    work(build)
    table = build.table
    (file,) = build.folder.glob("found-*.jsonl")
    trainings = [line for line in file.read_text().splitlines() if "training" in line]
    file.write_text("\n".join(trainings)[:-20])
    assert len(build.open_trainings()) == 1
    work(build)
    assert list(map(curves, build.table.rows)) == list(map(curves, table.rows))


def test_what_fails_is_a_row_with_its_reason(begin: Begin) -> None:
    build = begin(learning_rate=1e30, clip=1e30, steps=40)
    work(build)
    failures = [t.failure for row in build.table.rows for t in row.trainings if t.failure]
    assert failures and all("Diverged" in reason for reason in failures)
    assert build.open_trainings() == []
    assert all(not row.trained for row in build.table.rows if row.trainings[0].failure)


def test_other_conditions_are_refused(begin: Begin) -> None:
    begin()
    with pytest.raises(InputError, match="another recipe; give --to another name"):
        begin(steps=6)


def test_every_proxy_that_does_not_train_is_asked_once(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    class Smallness:
        name, trains, asked = "smallness", False, 0

        def score(self, network, task) -> Score:
            type(self).asked += 1
            return Score(-float(sum(p.numel() for p in network.parameters())), "params", {})

    PROXIES.names()  # those of the package are there before
    monkeypatch.setitem(PROXIES._members, "smallness", Smallness())
    build = begin()
    work(build)
    work(build)
    rows: tuple[Row, ...] = build.table.rows
    assert [row.proxies["smallness"] for row in rows] == [-row.params for row in rows]
    assert Smallness.asked == len(rows)


@pytest.mark.timeout(120)
def test_after_a_kill_the_same_command_goes_on(tmp_path: Path, tiny_data: Path) -> None:
    command = [
        *("--plugin", SPACES / "dots.py", "benchmark", "build", "--to", "slow.json", "--data", tiny_data),
        *("--space", "slow:3", "--budget", "20M-MACs", "--recipe", write_recipe(tmp_path, 20), "--validations", 5),
    ]
    folder = tmp_path / working_folder(Path("slow.json"))
    found = folder / "found-0.jsonl"
    load_plugin(SPACES / "dots.py")
    process = start_nas(tmp_path, *command)
    wait_until(lambda: found.is_file() and found.read_text().count("\n"), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = [json.loads(line) for line in found.read_text().splitlines()]
    assert (again := run_nas(tmp_path, *command)).code == 0, again.errors
    after = [json.loads(line) for line in found.read_text().splitlines()]
    trained = [entry["fingerprint"] for entry in after if "training" in entry]
    table = read_table(tmp_path / "slow.json")
    assert after[: len(before)] == before
    assert len(trained) == len(table.rows) == len(set(trained)) > len(before)
    assert [len(t.curve) for row in table.rows for t in row.trainings] == [5] * len(table.rows)
