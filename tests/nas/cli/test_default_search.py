"""A search as its users start it: the space `hybrid`, its seeds, rungs, the surrogate with its prior, two processes."""

from pathlib import Path

import pytest
from command import run_nas
from optuna.trial import TrialState

from nas.search.history import RUNGS, SEED
from nas.search.run import open_run

pytestmark = pytest.mark.timeout(600)  # processes that load PyTorch beside each other

RECIPE = """base: brief
steps: 27
batch: 2
patch: 8
warmup: 0.05
validations: 1
validation_crop: 32
precision: float32
"""
TRIALS = 20
LOW, HIGH = 0.25e9, 2e9


def test_it_begins_with_seeds_near_the_budget_and_stays_in_the_range(tmp_path: Path, tiny_data: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    words = ("--budget", "2G-MACs", "--data", tiny_data, "--recipe", "tiny.yaml", "--trials", TRIALS, "--jobs", 2)
    ended = run_nas(tmp_path, "search", *words, "--run", "first")
    assert ended.code == 0, ended
    run = open_run("first", results=tmp_path / "results")
    settings = run.settings
    assert (settings.space, settings.sampler, settings.screens) == ("hybrid", "local", ("surrogate:100",))
    assert (settings.prior, settings.rungs) == ("shipped", (1, 3, 9, 27))
    assert settings.interest.ends[0].limit == LOW

    tried = {t.user_attrs["fingerprint"]: t for t in reversed(run.study.get_trials()) if t.user_attrs.get(RUNGS)}
    assert len(tried) == TRIALS
    seeds = [trial for trial in tried.values() if SEED in trial.user_attrs]
    drawn = [trial for trial in tried.values() if SEED not in trial.user_attrs and "name" not in trial.user_attrs]
    assert len(seeds) == TRIALS // 5
    for share in (1, 0.5, 0.25, 0.125):
        assert any(0.7 * share * HIGH <= trial.user_attrs["macs"] <= share * HIGH for trial in seeds)
    assert len(drawn) >= TRIALS // 2
    assert all(0.75 * LOW <= trial.user_attrs["macs"] <= HIGH for trial in drawn)
    finished = [trial for trial in run.study.get_trials() if trial.state == TrialState.COMPLETE]
    assert finished and all(set(trial.user_attrs[RUNGS]) == {"1", "3", "9", "27"} for trial in finished)

    shown = run_nas(tmp_path, "front", "first")
    assert "nas hand-made first trains the published networks" in shown.out
