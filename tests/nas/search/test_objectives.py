"""Searches by other objectives than PSNR and multiply-adds, and what ends them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from searches import SPACES, Begin, finish, start_nas, trials_in, work, write_recipe

from nas.budget import Budget
from nas.cost import cost
from nas.errors import InputError
from nas.report.front_files import summarise, view_of, write_front
from nas.report.front_text import front_lines, front_table
from nas.search.run import Run
from nas.search.schedule.ending import Ending
from nas.search.schedule.hypervolume_history import hypervolume_history, is_flat

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")

COMPLETE, PRUNED = TrialState.COMPLETE, TrialState.PRUNED


def columns(run: Run) -> list[str]:
    return [str(column.header).replace("\n", " ") for column in front_table(run.snapshot()).columns]


def test_a_search_by_three_objectives(begin: Begin) -> None:
    run, data = begin(trials=4, objectives=("psnr", "ssim", "params"))
    assert [d.name for d in run.study.directions] == ["MAXIMIZE", "MAXIMIZE", "MINIMIZE"]
    assert run.study.metric_names == ["PSNR dB", "SSIM", "K params"]
    assert work(run, data)[0] == Ending.DONE
    for trial in trials_in(run, COMPLETE):
        attributes = trial.user_attrs
        assert trial.values == [attributes["psnr"], attributes["ssim"], attributes["params"] / 1e3]
    summary: dict[str, Any] = summarise(run.snapshot())
    assert summary["objectives"] == ["psnr", "ssim", "params"]
    assert (set(summary["hypervolume_reference"]), summary["hypervolume_unit"]) == (
        {"psnr", "ssim", "params"},
        "dB·SSIM·octaves",
    )
    assert summary["hypervolume_reference"]["params"] == max(c.params for c in run.candidates())
    params = [member["params"] for member in summary["front"]]
    assert params == sorted(params)
    assert json.loads(write_front(run.snapshot())[2].read_text()) == summary
    shown = view_of(run.snapshot())
    assert (shown.x_label, shown.y_label) == ("parameters, in K", "PSNR, in dB")
    assert shown.untrained["Dots-B"] == cost(run.architecture(1)).params


def test_a_search_by_memory_within_a_budget_of_memory(begin: Begin) -> None:
    run, data = begin(trials=3, objectives=("ssim", "memory"), budgets=("100MiB-memory",))
    assert work(run, data)[0] == Ending.DONE
    for trial in trials_in(run, COMPLETE):
        architecture = run.architecture(trial.number)
        assert trial.user_attrs["memory"] == cost(architecture).peak_memory <= 100 * 2**20
        assert trial.values == [trial.user_attrs["ssim"], trial.user_attrs["memory"] / 2**20]
        assert trial.constraints == {"memory": trial.user_attrs["memory"] - 100 * 2**20}
    refused = next(t for t in trials_in(run, PRUNED) if t.user_attrs.get("name") == "dots/Dots-B")
    assert refused.user_attrs["stopped"].endswith("MiB > 100MiB memory")
    assert columns(run)[-2:] == ["memory MiB", ""]
    page = write_front(run.snapshot())[1].read_text(encoding="utf-8")
    assert "budget, 100MiB memory" in page and "memory for a 1280x720 HR image, in MiB" in page
    assert "MiB memory" in page and " MACs" in page


def test_costs_are_known_before_the_training(begin: Begin) -> None:
    run, data = begin(space="broken", objectives=("psnr", "memory"), trials=1, fixed={"how": "works"})
    run.study.enqueue_trial({"how": "raises", "width": 1})
    work(run, data)
    failed = trials_in(run, TrialState.FAIL)[0].user_attrs
    assert failed["memory"] > 0 and failed["macs"] > 0 and failed["params"] > 0
    assert "psnr" not in failed


def test_objectives_are_fixed_for_a_run(begin: Begin) -> None:
    begin(trials=1)
    with pytest.raises(InputError, match=r"objectives is \['psnr', 'macs'\], not \['psnr', 'params'\]"):
        begin(objectives=("psnr", "params"))


def test_a_search_by_convolutions_and_activations(begin: Begin) -> None:
    run, data = begin(trials=3, objectives=("psnr", "convs", "activations"), budgets=("3-convs", "10M-activations"))
    assert work(run, data)[0] == Ending.DONE
    for trial in trials_in(run, COMPLETE):
        counted = cost(run.architecture(trial.number))
        assert trial.values == [trial.user_attrs["psnr"], counted.convs, counted.activations / 1e6]
        assert counted.activations <= 10_000_000
    refused = next(t for t in trials_in(run, PRUNED) if t.user_attrs.get("name") == "dots/Dots-B")
    assert refused.user_attrs["stopped"].endswith("M > 10M activations")
    assert columns(run)[-3:] == ["M activations", "convs", ""]
    assert view_of(run.snapshot()).x_label == "convolutions"


def test_a_run_without_a_name_may_have_a_budget_on_an_objective_of_a_plugin(tmp_path: Path, tiny_data: Path) -> None:
    script = (
        f"import nas; run = nas.search('5-kernels', space='fsrcnn', data={str(tiny_data)!r}, trials=1, no_rungs=True, "
        f"recipe={write_recipe(tmp_path)!r}, plugin={str(SPACES / 'kernels.py')!r}); print(run.name, run.ended)"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["fsrcnn-x2-5-kernels-tiny", "done"], ended.stderr


def test_one_file_adds_an_objective(tmp_path: Path, tiny_data: Path) -> None:
    """The whole way in processes: search by two workers, front, a refusal; with the rungs that are the default."""
    (tmp_path / "kernels.py").write_text((SPACES / "kernels.py").read_text())
    recipe = write_recipe(tmp_path, 9)
    words = ("--space", "fsrcnn", "--recipe", recipe, "--data", tiny_data, "--trials", 4, "--jobs", 2, "--run", "few")
    plugin = ("--plugin", "kernels.py")
    asked = ("--objectives", "psnr,kernels", "--budget", "5-kernels", "--budget", "20G-MACs")
    finish(start_nas(tmp_path, "search", *plugin, *words, *asked), 300)
    front = json.loads(finish(start_nas(tmp_path, "front", "few", "--json")))
    assert front["objectives"] == ["psnr", "kernels"]
    assert front["hypervolume_reference"]["kernels"] == 5
    for candidate in front["candidates"]:
        assert 1 <= candidate["kernels"] <= 5
    said = finish(
        start_nas(tmp_path, "search", *plugin, *words, "--objectives", "psnr,kernls", *asked[2:]), 120, code=2
    )
    assert "no objective named 'kernls'; did you mean 'kernels'?" in said


def test_a_run_is_named_by_its_objectives(begin: Begin, tiny_data: Path) -> None:
    run, _ = begin(run=None, objectives=("psnr", "memory"), budgets=("300M-MACs", "64MiB-memory"))
    assert run.settings.run == f"dots-x2-300M-MACs-64MiB-memory-psnr-memory-{tiny_data.name}"
    run, _ = begin(run=None, objectives=("psnr", "macs"))
    assert run.settings.run == f"dots-x2-300M-MACs-{tiny_data.name}"


def test_what_can_not_be_searched_for_is_refused_before_anything_is_written(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'psnr,ssim' can't be searched for"):
        begin(objectives=("psnr", "ssim"))
    with pytest.raises(InputError, match=r"its cheapest needs .* MACs, 10 params, 7.0 MiB memory"):
        begin(budgets=("1KiB-memory",))
    assert not (tmp_path / "results").exists()


def test_a_search_ends_when_it_is_flat(begin: Begin) -> None:
    run, data = begin(trials=60, stop_when_flat=2)
    run.study.set_user_attr("bicubic", [1.0, 0.0])  # so that networks of four steps are better
    assert work(run, data)[0] == Ending.FLAT
    steps = hypervolume_history(run.study, run.settings)
    assert len(steps) == len(run.candidates()) < 60
    assert is_flat(steps, 2) and not is_flat(steps[:-1], 2)
    longer, data = begin(trials=len(steps) + 1, stop_when_flat=60)
    assert work(longer, data)[0] == Ending.DONE


def test_the_best_within_a_budget_on_memory_is_named(begin: Begin) -> None:
    run, data = begin(trials=2, objectives=("ssim", "memory"))
    work(run, data)
    lines = list(front_lines(run.snapshot(), [Budget.parse("1GiB-memory"), Budget.parse("1MiB-memory")]))
    best = max(run.candidates(), key=lambda c: c.figures["ssim"])
    assert lines[-2] == f"Best within 1GiB-memory for HR 1280x720: {best.label}, {best.figures['ssim']:.4f} SSIM"
    assert lines[-1].endswith("none")
    with pytest.raises(InputError, match=r"The latency of .* is not known"):
        list(front_lines(run.snapshot(), [Budget.parse("33ms")]))
