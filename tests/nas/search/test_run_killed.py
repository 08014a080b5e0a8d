"""Whatever ends a search in the middle, the same command continues, and nothing is trained twice."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState
from searches import SPACES, fingerprints, finish, read_trials, start_nas, wait_until, write_recipe

TRIALS = 3
STEPS = 50
"""A second of idling for each candidate."""


class Search:
    """One search command in a folder of its own."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.running = folder, list[subprocess.Popen[str]]()
        self.command = [
            *("search", "--run", "first", "--space", "slow", "--plugin", SPACES / "dots.py", "--data", data),
            *("--budget", "300M-MACs", "--recipe", write_recipe(folder, STEPS)),
            *("--no-rungs", "--sampler", "random", "--trials", TRIALS),
        ]

    def begin(self, *more: object) -> subprocess.Popen[str]:
        self.running.append(start_nas(self.folder, *self.command, *more))
        return self.running[-1]

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        found = read_trials(f"sqlite:///{self.folder}/results/first/study.db")
        return [trial for trial in found if not states or trial.state in states]

    def in_training(self) -> list[FrozenTrial]:
        if not (self.folder / "results" / "first" / "search.yaml").is_file():
            return []
        return [trial for trial in self.trials(TrialState.RUNNING) if "claimed" in trial.user_attrs]

    def checkpoints(self) -> list[Path]:
        return list((self.folder / "results" / "first" / "checkpoints").glob("*.safetensors"))

    def check_complete(self) -> None:
        """The run trained what was asked for, each network once."""
        trained = self.trials(TrialState.COMPLETE)
        assert len(trained) == TRIALS
        assert len(set(fingerprints(trained))) == TRIALS
        assert self.trials(TrialState.RUNNING, TrialState.WAITING) == []


@pytest.fixture
def search(tmp_path: Path, tiny_data: Path) -> Iterator[Search]:
    search = Search(tmp_path, tiny_data)
    yield search
    for process in search.running:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_killed_search_goes_on_by_the_same_command(search: Search) -> None:
    killed = search.begin()
    wait_until(search.in_training, killed)
    killed.kill()
    killed.communicate()
    victim = search.trials(TrialState.RUNNING)[0]
    finish(search.begin())
    search.check_complete()
    trials = search.trials()
    assert trials[victim.number].state == TrialState.FAIL
    again = [t for t in search.trials(TrialState.COMPLETE) if t.system_attrs.get("retry_history") == [victim.number]]
    assert fingerprints(again) == [victim.user_attrs["fingerprint"]]
    assert again[0].params == victim.params


def test_a_search_stopped_by_ctrl_c_says_how_to_go_on_and_goes_on(search: Search) -> None:
    stopped = search.begin()
    wait_until(search.in_training, stopped)
    victim = search.in_training()[0]
    stopped.send_signal(signal.SIGINT)
    printed = finish(stopped, code=130)
    assert "The search ends: stopped" in printed
    assert "Continue with: nas search --run first" in printed
    assert [trial.params for trial in search.trials(TrialState.WAITING)][-1:] == [victim.params]
    assert [path.stem for path in search.checkpoints()] == fingerprints([victim])
    search.running.append(start_nas(search.folder, "search", "--run", "first"))
    finish(search.running[-1])
    search.check_complete()
    assert victim.user_attrs["fingerprint"] in fingerprints(search.trials(TrialState.COMPLETE))
    assert search.checkpoints() == []


@pytest.mark.slow
def test_two_jobs_share_the_work_and_sigterm_stops_both(search: Search) -> None:
    stopped = search.begin("--jobs", 2)

    def workers() -> set[str]:
        return {trial.user_attrs.get("worker", "") for trial in search.in_training()} - {""}

    wait_until(lambda: len(workers()) == 2, stopped)
    victims = search.in_training()
    stopped.send_signal(signal.SIGTERM)
    assert "Continue with: nas search --run first" in finish(stopped, code=1)
    assert {path.stem for path in search.checkpoints()} == set(fingerprints(victims))
    printed = finish(search.begin("--jobs", 2))
    assert f"The search ends: done; {TRIALS} of {TRIALS} candidates were tried." in printed
    search.check_complete()
    assert set(fingerprints(victims)) <= set(fingerprints(search.trials(TrialState.COMPLETE)))


def test_a_search_that_goes_on_without_time_does_nothing(search: Search) -> None:
    stopped = search.begin()
    wait_until(search.in_training, stopped)
    stopped.send_signal(signal.SIGINT)
    finish(stopped, code=130)
    before = [(trial.number, trial.state) for trial in search.trials()]
    printed = finish(search.begin("--jobs", 2, "--time", "0s"))
    assert [(trial.number, trial.state) for trial in search.trials()] == before
    assert "time is up; 0 of 3 candidates were tried" in printed
    assert "Continue with: nas search --run first" in printed


def test_a_new_search_without_time_is_one_sentence(search: Search) -> None:
    printed = finish(search.begin("--jobs", 2, "--time", "0s"), code=2)
    assert "give a longer --time" in printed
    assert not (search.folder / "results" / "first").exists()
