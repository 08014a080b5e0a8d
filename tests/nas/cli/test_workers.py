"""Several processes and one run, as their users start them."""

import subprocess
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from .conftest import BROKEN, RECIPE
from .test_ends import begin

pytestmark = pytest.mark.timeout(600)  # processes that load PyTorch beside each other


def search(folder: Path, images: Path, run: str, *more: object) -> subprocess.Popen[str]:
    """Begin a search with the rungs that are the default."""
    (folder / "tiny.yaml").write_text(RECIPE)
    words = ("--run", run, "--budget", "10G-MACs", "--data", images, "--recipe", "tiny.yaml")
    return begin(folder, "search", *words, *more)


@pytest.mark.slow
def test_a_run_that_is_started_twice_at_one_moment_is_one_run(tmp_path: Path, tiny_data: Path) -> None:
    words = ("--space", "ecbsr", "--trials", 4, "--fix", "width=8")
    both = [search(tmp_path, tiny_data, "both", *words) for _ in range(2)]
    errors = [process.communicate(timeout=400)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    database = f"sqlite:///{tmp_path}/results/both/study.db"
    assert [study.study_name for study in optuna.get_all_study_summaries(database)] == ["both"]
    trials = optuna.load_study(study_name=None, storage=database).get_trials(states=(TrialState.COMPLETE,))
    values = [(trial.user_attrs["fingerprint"], len(trial.intermediate_values)) for trial in trials]
    assert len(values) == len(set(values)) and all(trial.values for trial in trials)


@pytest.mark.slow
def test_two_workers_whose_candidates_all_fail_say_so_and_exit_with_1(tmp_path: Path, tiny_data: Path) -> None:
    words = ("--space", "broken", "--plugin", BROKEN, "--fix", "how=raises", "--jobs", 2)
    process = search(tmp_path, tiny_data, "all", *words)
    out, errors = process.communicate(timeout=400)
    assert process.returncode == 1, out + errors
    assert "Traceback" not in errors
    assert errors.count("failed: RuntimeError: the frobnicator is") >= 10
    assert "10 candidates in a row failed" in errors.splitlines()[-1]
