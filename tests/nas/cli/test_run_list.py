"""The list of runs, also of broken ones."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

import nas as api

from .conftest import Nas, Way, run_nas


def test_a_folder_without_runs_says_so(nas: Nas) -> None:
    assert nas("runs").out == "There are no runs in results; nas search starts one.\n"
    assert json.loads(nas("runs", "--json").out) == []


def test_a_run_is_listed_with_its_figures(way: Way) -> None:
    (first,) = (run for run in json.loads(way.nas("runs", "--json").out) if run["name"] == "first")
    front = json.loads(way.nas("front", "first", "--json").out)
    assert first["space"] == "moremnas" and first["budgets"] == ["8G-MACs"] and first["scale"] == 2
    assert (first["tried"], first["trained"], first["fault"]) == (3, front["trained"], None)
    assert first["fully_trained"] >= len(way.trained)
    assert first["psnr"] == max(c["psnr"] for c in front["candidates"])
    assert abs((datetime.now() - datetime.fromisoformat(first["changed"])).total_seconds()) < 86_400
    shown = way.nas("runs").out
    assert "first" in shown and "moremnas x2" in shown and "8G-MACs" in shown


def test_broken_runs_are_listed_with_the_reason_and_stay_as_they_are(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, results = way.folder / "results" / "first", tmp_path / "results"
    for name in ("whole", "torn", "unset"):
        shutil.copytree(first, results / name)
    (results / "torn" / "study.db").write_bytes(b"junk" * 1000)
    (results / "unset" / "search.yaml").write_text("junk")
    (results / "alone").mkdir()
    shutil.copy(first / "search.yaml", results / "alone")
    (results / "lost").mkdir()
    shutil.copy(first / "study.db", results / "lost")
    (results / "notes").mkdir()
    outcome = run_nas(tmp_path, "runs")
    assert outcome.code == 0 and "Traceback" not in outcome.errors
    assert "Broken: torn: The storage sqlite:" in outcome.out
    assert "Broken: unset: results/unset/search.yaml: " in outcome.out
    assert "Broken: alone: The study of the run 'alone' is missing" in outcome.out
    assert "Broken: lost: results/lost/search.yaml is missing; put a copy of it back." in outcome.out
    assert "Broken: whole" not in outcome.out and "notes" not in outcome.out
    assert (results / "unset" / "search.yaml").read_text() == "junk"
    monkeypatch.chdir(tmp_path)
    listed = {run.name: run for run in api.runs()}
    assert sorted(listed) == ["alone", "lost", "torn", "unset", "whole"]
    assert listed["whole"].fault is None and listed["whole"].trained == 3
    assert [run.name for run in api.runs(results=tmp_path)] == []
