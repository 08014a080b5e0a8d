import contextlib
import errno
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note
from searches import CPU, Begin, Listener, fingerprints, trials_in, work, write_recipe

from nas.data.dataset import Dataset
from nas.errors import InputError, RunError
from nas.model import load_model
from nas.search.run import Run, open_run
from nas.search.schedule.deadline import Deadline
from nas.search.schedule.ending import Ending
from nas.search.workers.holding import take
from nas.search.workers.outcome import MOST_FAILED
from nas.search.workers.worker import Worker
from search_spaces import Architecture

COMPLETE, PRUNED, FAIL = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


def put(run: Run, **choices: Any) -> int:
    """Put a network in front of the queue's end; returns the number of its trial."""
    run.study.enqueue_trial(choices)
    return len(run.study.get_trials()) - 1


def plain(run: Run, number: int) -> FrozenTrial:
    return run.study.get_trials()[number]


def test_a_search_trains_as_many_as_it_was_asked(begin: Begin) -> None:
    run, data = begin(trials=4)
    reason, said = work(run, data)
    assert reason == Ending.DONE
    trained = trials_in(run, COMPLETE)
    assert len(trained) == 4
    assert len(said.begun) == len(said.lines) == 4
    assert said.begun[0].startswith("dots/Dots-A (")
    assert f"first:{trained[-1].number}: " in said.lines[-1]
    assert work(run, data)[0] == Ending.DONE
    assert len(trials_in(run, COMPLETE)) == 4


def test_what_is_over_budget_is_refused_before_training_and_does_not_count(begin: Begin) -> None:
    run, data = begin(trials=2)
    dear = next(t for t in run.study.get_trials() if t.user_attrs.get("name") == "dots/Dots-B")
    reason, said = work(run, data)
    assert reason == Ending.DONE and len(trials_in(run, COMPLETE)) == 2
    refused = plain(run, dear.number)
    assert refused.state == PRUNED
    assert refused.user_attrs["stopped"] == "663.6M > 300M MACs"
    assert refused.constraints == {"MACs": 663_552_000 - 300_000_000}
    assert not any(label.startswith("dots/Dots-B") for label in said.begun)
    assert not run.candidate_folder(dear.number).exists()


def test_each_budget_is_a_constraint(begin: Begin) -> None:
    run, data = begin(trials=1, budgets=("300M-MACs", "1K-params"))
    work(run, data)
    trained = trials_in(run, COMPLETE)[0]
    assert set(trained.constraints) == {"MACs", "params"}
    assert all(excess <= 0 for excess in trained.constraints.values())


def test_a_known_network_is_refused(begin: Begin) -> None:
    run, data = begin(trials=3)
    first = put(run, width=5, kernel=1, padded=False)
    second = put(run, width=5, kernel=1, padded=True)  # padding by 0 pixels does nothing
    work(run, data)
    assert plain(run, first).state == COMPLETE
    assert plain(run, second).state == PRUNED
    assert plain(run, second).user_attrs["stopped"] == f"duplicate of {first}"


@pytest.mark.parametrize("seed", range(2))
def test_two_workers_that_draw_the_same_network_at_one_moment_train_it_once(begin: Begin, seed: int) -> None:
    run, data = begin(trials=3, seed=seed)
    work(begin(trials=1, seed=seed)[0], data)  # the published point
    for _ in range(2):
        put(run, width=5, kernel=1, padded=False)
    together(begin(trials=2, seed=seed), begin(trials=3, seed=seed))
    same = [t for t in trials_in(run, COMPLETE, PRUNED) if t.params == {"width": 5, "kernel": 1, "padded": False}]
    assert sorted(trial.state for trial in same) == [COMPLETE, PRUNED]
    trained, refused = sorted(same, key=lambda trial: trial.state != COMPLETE)
    assert refused.user_attrs["stopped"] == f"duplicate of {trained.number}"


def together(*shares: tuple[Run, Dataset]) -> None:
    """Let several workers begin at the same moment, each with its own connection to the study."""
    gate = threading.Barrier(len(shares))

    def work_beside_others(number: int, run: Run, data: Dataset) -> None:
        worker = Worker(open_run(str(run.folder)), data, CPU, Listener(), number)
        gate.wait()
        worker.work(lambda: False)

    with ThreadPoolExecutor(len(shares)) as pool:
        for done in [pool.submit(work_beside_others, number, *share) for number, share in enumerate(shares)]:
            done.result()


@pytest.mark.parametrize("seed", range(3))
def test_more_workers_than_candidates_train_no_more_than_were_asked(begin: Begin, seed: int) -> None:
    run, data = begin(trials=2, steps=10, space="slow", seed=seed)
    together(*[(run, data)] * 4)
    assert len(trials_in(run, COMPLETE)) == 2


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raises", "RuntimeError: the frobnicator is"),
        ("nan", "TrainingDivergedError: The loss became nan by step"),
        ("nan-when-measured", "TrainingDivergedError: "),
    ],
)
def test_a_failing_candidate_is_reported_and_the_search_goes_on(begin: Begin, how: str, reason: str) -> None:
    run, data = begin(space="broken", trials=2, fixed={"how": "works"})
    bad = put(run, how=how, width=1)
    why, said = work(run, data)
    assert why == Ending.DONE and len(trials_in(run, COMPLETE)) == 2
    failed = plain(run, bad)
    assert failed.state == FAIL
    assert failed.user_attrs["stopped"].startswith(reason)
    assert "\n" not in failed.user_attrs["stopped"]
    assert said.lines[0] == f"first:{failed.number} failed: {failed.user_attrs['stopped']}"


def test_what_failed_is_not_tried_again(begin: Begin) -> None:
    run, data = begin(space="broken", trials=1, fixed={"how": "works"})
    first, second = (put(run, how="raises", width=1) for _ in range(2))
    work(run, data)
    assert plain(run, second).state == PRUNED
    assert plain(run, second).user_attrs["stopped"] == f"duplicate of {first}"


@pytest.mark.parametrize("how", ["raises", "nan-when-measured"])
def test_a_search_in_which_everything_fails_ends(begin: Begin, how: str) -> None:
    run, data = begin(space="broken", trials=2, fixed={"how": how})
    calls = iter(range(10_000))
    reason, _ = work(run, data, stop=lambda: next(calls) > 5_000)
    assert reason == Ending.ALL_FAIL
    assert len(trials_in(run, FAIL)) == MOST_FAILED


def test_a_search_in_which_nothing_new_is_left_ends(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.search.workers.outcome.MOST_REFUSED", 20)
    run, data = begin(trials=3, fixed={"width": 8, "kernel": 1})  # one network, whatever the padding
    reason, _ = work(run, data)
    assert reason == Ending.NOTHING_NEW
    assert len(trials_in(run, COMPLETE)) < 3


def test_a_search_that_goes_on_draws_new_networks(begin: Begin) -> None:
    run, data = begin(space="moremnas", budgets=("3T-MACs",), trials=2, fixed={"cell1.width": 16}, seed=5)
    asked = [run.study.ask() for _ in range(3)]
    for trial in asked:
        run.study.tell(trial, state=FAIL)
    drawn = []
    for _ in range(2):
        again = begin(space="moremnas", budgets=("3T-MACs",), trials=2, fixed={"cell1.width": 16}, seed=5)[0]
        drawn.append(first_drawn(again, data))
    assert drawn[0] != drawn[1]


def first_drawn(run: Run, data: Dataset) -> str:
    """Return the first network that a new worker draws."""
    trial = Worker(run, data, CPU, Listener()).study.ask()
    drawn = Architecture.suggest(run.settings.space, 2, 1, trial).fingerprint
    run.study.tell(trial.number, state=FAIL)
    return drawn


def test_a_trained_trial_says_all_about_its_network(begin: Begin) -> None:
    run, data = begin(trials=1)
    work(run, data)
    trial = trials_in(run, COMPLETE)[0]
    attributes, architecture = trial.user_attrs, run.architecture(trial.number)
    assert attributes["fingerprint"] == architecture.fingerprint
    assert attributes["name"] == "dots/Dots-A"
    assert trial.values == [attributes["psnr"], attributes["macs"] / 1e9]
    # 3 · 3 · (1 · 8 + 8 · 4) multiply-adds at each of 640 x 360 pixels.
    assert (attributes["macs"], attributes["params"]) == (360 * 640 * 360, 8 * 9 + 8 + 4 * 8 * 9 + 4)
    assert 0 < attributes["ssim"] < 1
    assert 0 < attributes["seconds"] < 60
    assert [step for step, _ in attributes["curve"]] == [2, 4]
    assert attributes["curve"][-1][1] == pytest.approx(attributes["psnr"], abs=0.001)
    assert attributes["train_seconds"] > 0 and attributes["steps"] == 4


def test_a_trained_trial_shows_its_architecture_and_a_picture(begin: Begin, tmp_path: Path) -> None:
    run, data = begin(trials=1)
    work(run, data)
    trial = trials_in(run, COMPLETE)[0]
    found = {meta.filename: meta for meta in get_all_artifact_meta(trial, storage=run.storage)}
    assert set(found) == {"architecture.yaml", "picture.png"}
    for name, meta in found.items():
        with run.artifacts.open_reader(meta.artifact_id) as stream, (tmp_path / name).open("wb") as file:
            shutil.copyfileobj(stream, file)
    assert Architecture.read(tmp_path / "architecture.yaml") == run.architecture(trial.number)
    picture = cv2.imread(str(tmp_path / "picture.png"), cv2.IMREAD_UNCHANGED)
    assert picture is not None and picture.dtype == "uint8" and np.ptp(picture) > 100
    text = get_note(optuna.Trial(run.study, trial._trial_id))
    assert "dots/Dots-A" in text and "82.94M MACs" in text and "width: 8" in text


def test_a_trained_candidate_is_a_model_with_its_protocol(begin: Begin) -> None:
    run, data = begin(trials=1)
    work(run, data)
    candidate = run.candidates()[0]
    model = load_model(run.candidate_folder(candidate.last_trial))
    assert model.architecture == candidate.architecture
    assert model.metrics["psnr"] == candidate.psnr
    assert model.metrics["protocol"] == run.protocol.to_dict()
    assert (candidate.label, candidate.published) == ("dots/Dots-A", True)
    assert list((run.folder / "checkpoints").glob("*")) == []


def test_a_network_is_as_good_whoever_trains_it(begin: Begin) -> None:
    runs = [begin(results=f"results{seed}", seed=seed, trials=2, sampler="random") for seed in range(2)]
    for number, (run, data) in enumerate(runs):
        if number:
            put(run, width=3, kernel=3, padded=False)
        work(run, data, number)
    first, second = ({c.label: c for c in run.candidates()}["dots/Dots-A"] for run, _ in runs)
    assert first.figures == second.figures


def test_a_database_that_goes_away_ends_the_work_with_a_sentence(begin: Begin) -> None:
    run, data = begin()
    worker = Worker(run, data, CPU, Listener())
    with contextlib.closing(sqlite3.connect(run.folder / "study.db")) as database:
        database.execute("DROP TABLE trials")
        database.commit()
    with pytest.raises(RunError, match=r"The study can't be reached .*; the same command continues it"):
        worker.work(lambda: False)


@contextlib.contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Path]:
    """A disk of its own in a folder, which only root may make."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", folder], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no disk can be mounted here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_fails_no_network_and_what_was_in_training_goes_on(begin: Begin, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 64 * 1024):
        run, data = begin(results="disk/results", trials=3, steps=60)
        filler = tmp_path / "disk" / "filler"
        with filler.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        with pytest.raises(RunError, match=r"No space left on device|database or disk is full") as refusal:
            work(run, data)
        assert "\n" not in str(refusal.value)
        assert "with the same command" in str(refusal.value) or "the same command continues" in str(refusal.value)
        filler.unlink()
        again, data = begin(results="disk/results", trials=3, steps=60)
        assert work(again, data)[0] == Ending.DONE
        trained = trials_in(again, COMPLETE)
        assert len(set(fingerprints(trained))) == len(trained) == 3
        assert not [t for t in trials_in(again, FAIL) if t.user_attrs.get("stopped", "interrupted") != "interrupted"]


def test_a_fault_of_the_machine_puts_the_trial_back_and_ends_the_worker(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = begin(trials=2)

    def unplug(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "results/first/artifacts")

    with monkeypatch.context() as broken:
        broken.setattr("nas.search.workers.scoring.attach", unplug)
        with pytest.raises(RunError, match=r"Input/output error.*\. The candidate in training continues with the same"):
            work(run, data)
    (interrupted,) = trials_in(run, FAIL)
    assert interrupted.user_attrs["stopped"] == "interrupted"
    assert work(run, data)[0] == Ending.DONE
    assert len(trials_in(run, FAIL)) == 1 and len(trials_in(run, COMPLETE)) == 2


def test_a_damaged_checkpoint_costs_the_steps_in_it_and_nothing_else(begin: Begin) -> None:
    whole, data = begin(results="whole", steps=60, trials=1)
    work(whole, data)
    run, data = begin(steps=60, trials=1)
    work(run, data, stop=stop_after(45))
    checkpoint = run.checkpoint(run.architecture(trials_in(run, FAIL)[0].number))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="is damaged .*; it is kept as .*damaged, and the training starts anew"):
        assert work(run, data)[0] == Ending.DONE
    assert run.candidates()[0].psnr == whole.candidates()[0].psnr


def test_the_deadline_stops_what_is_in_training_and_it_goes_on_another_time(begin: Begin) -> None:
    run, data = begin(space="slow", steps=400, trials=1)
    began = time.monotonic()
    ended = Worker(run, data, CPU, Listener()).work(lambda: False, Deadline(began, 4.0))
    assert ended.ending == Ending.TIME_IS_UP and time.monotonic() - began < 6
    assert [t.state for t in trials_in(run)][-1] == TrialState.WAITING
    assert work(run, data)[0] == Ending.DONE


def test_a_worker_that_waits_says_for_what(begin: Begin) -> None:
    run, data = begin(trials=1)
    other = take(run.study)
    listener = Listener()
    looks = iter(range(10**6))
    ended = Worker(run, data, CPU, listener).work(lambda: next(looks) > 2)
    assert ended.ending == Ending.STOPPED
    expected = f"waiting for trial {other.number}, which other workers train or have left behind"
    assert listener.lines == [expected]


def test_a_study_whose_file_is_deleted_ends_the_work_with_a_sentence(begin: Begin) -> None:
    run, data = begin(trials=50)

    def delete() -> bool:
        for file in run.folder.glob("study.db*"):
            file.unlink()
        return False

    with pytest.raises(RunError, match=r"study\.db was deleted or replaced while the search used it; put it back"):
        work(run, data, stop=delete)
    with pytest.raises(InputError, match=r"The study of the run 'first' is missing: there is no .*study\.db"):
        begin(trials=50)
    assert not (run.folder / "study.db").exists()


def test_a_time_overrules_a_number_that_was_only_planned(begin: Begin) -> None:
    run, data = begin(trials=1)
    planned = replace(run, settings=run.settings.model_copy(update={"is_planned": True}))
    ended = Worker(planned, data, CPU, Listener()).work(lambda: False, Deadline(time.monotonic(), 15.0))
    assert ended.ending == Ending.TIME_IS_UP
    assert len(trials_in(run, COMPLETE)) > 1
    assert Worker(planned, data, CPU, Listener()).work(lambda: False).ending == Ending.DONE


def stop_after(steps: int) -> Callable[[], bool]:
    """Return a flag that is raised once a worker has looked at it so often: before the first candidate, then a step."""
    looks = iter(range(10**9))
    return lambda: next(looks) > steps


def test_a_stopped_training_goes_on_where_it_was(begin: Begin) -> None:
    whole, data = begin(results="whole", steps=60, trials=1)
    _, said_whole = work(whole, data)
    assert [report.step for report in said_whole.reports] == [20, 30, 40, 60]

    run, data = begin(steps=60, trials=1)
    reason, said = work(run, data, stop=stop_after(45))
    assert reason == Ending.STOPPED and trials_in(run, COMPLETE) == []
    assert said.reports[-1].step == 40
    interrupted = trials_in(run, FAIL)[0]
    assert interrupted.user_attrs["stopped"] == "interrupted"
    assert run.checkpoint(run.architecture(interrupted.number)).is_file()

    reason, said = work(run, data, number=1)
    assert reason == Ending.DONE
    assert [report.step for report in said.reports] == [60]
    again, never = run.candidates()[0], whole.candidates()[0]
    assert (again.label, again.figures) == (never.label, never.figures)
    assert trials_in(run, COMPLETE)[0].user_attrs["curve"] == trials_in(whole, COMPLETE)[0].user_attrs["curve"]
    assert len(fingerprints(trials_in(run, COMPLETE))) == 1


def test_a_run_may_be_extended(begin: Begin) -> None:
    run, data = begin(trials=1)
    work(run, data)
    longer, data = begin(trials=3)
    assert work(longer, data)[0] == Ending.DONE
    assert len(set(fingerprints(trials_in(longer, COMPLETE)))) == 3


def test_a_folder_that_was_moved_is_still_the_run(begin: Begin, tmp_path: Path) -> None:
    run, data = begin(trials=1)
    work(run, data)
    shutil.move(run.folder, tmp_path / "elsewhere")
    assert open_run(str(tmp_path / "elsewhere")).candidates() == run.candidates()


def test_a_study_of_other_settings_in_a_shared_database_is_not_taken_over(begin: Begin, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    begin(storage=url)
    with pytest.raises(InputError, match=r"has other settings \(.*seed is 0, not 1"):
        begin(storage=url, results="another machine", seed=1)
    assert not (tmp_path / "another machine" / "first").exists()


def test_other_settings_change_nothing(begin: Begin) -> None:
    run, _ = begin()
    before = (run.folder / "search.yaml").read_text()
    with pytest.raises(InputError, match=r"recipe\.steps is 4, not 8\)"):
        begin(recipe=write_recipe(run.folder.parent.parent, 8))
    assert (run.folder / "search.yaml").read_text() == before


def test_a_trial_that_was_given_to_another_worker_meanwhile_is_left_to_it(begin: Begin) -> None:
    run, data = begin(trials=1, steps=40)

    def take_away() -> bool:
        for trial in trials_in(run, TrialState.RUNNING):
            if "claimed" in trial.user_attrs and not taken:
                taken.append(trial.number)
                run.study.tell(trial.number, state=FAIL)
                optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=3)(run.study, trial)
        return False

    taken: list[int] = []
    reason, _ = work(run, data, stop=take_away)
    assert reason == Ending.DONE
    assert plain(run, taken[0]).state == FAIL
    assert [t.system_attrs["retry_history"] for t in trials_in(run, COMPLETE)] == [taken]
