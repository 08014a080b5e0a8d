from pathlib import Path

import pytest
import torch
from command import run_nas
from searches import CPU, SPACES, Begin, Listener, settings, work

from nas.errors import InputError
from nas.evidence.benchmark.build import work_on
from nas.evidence.hand_made import WITH_SKIP, HandMade, fully_trained, gain_of
from nas.table import Row, Training

BRIEF = settings().recipe


def hand_made(**changed: object) -> HandMade:
    return HandMade(settings(**changed), BRIEF, Path("results"))


def test_every_published_network_of_the_range_counts_with_and_without_the_image_skip() -> None:
    rows = {row.name: row for row in hand_made(budgets=("10G-MACs",), range_from=("1.25G-MACs",)).rows}
    assert {"ecbsr/M4C16", "ecbsr/M4C16" + WITH_SKIP, "srcnn/SRCNN-9-1-5", "hybrid/SESR-M11-like"} <= set(rows)
    assert "hybrid/SESR-M11-like" + WITH_SKIP not in rows, "it is published with the skip"
    assert "ecbsr/M4C8" in rows, "it lies below the range, but counts at its lower end"
    assert "falsr/FALSR-B" not in rows
    assert all(0.25 * 1.25e9 <= row.macs <= 10e9 for row in rows.values())


def test_runs_share_the_networks_if_images_recipe_and_image_size_are_equal() -> None:
    first, second = hand_made(), hand_made(budgets=("3G-MACs",))
    assert first.folder == second.folder
    assert first.folder != hand_made(data_fingerprint="fedcba9876543210").folder
    assert first.folder != hand_made(hr_size=(640, 512)).folder


def row(psnr: float, macs: int) -> Row:
    return Row(architecture={}, macs=macs, params=1, trainings=(Training(seed=0, curve=((4, psnr),)),))


def test_the_gain_is_measured_over_the_range_of_the_run() -> None:
    asked = settings(budgets=("8G-MACs",), range_from=("1G-MACs",))
    found = [{"psnr": 36.0, "macs": 1e9, "params": 1.0}]
    result = gain_of(found, [row(35.5, 10**9)], asked, bicubic=34.0)
    assert result is not None and result.mean == pytest.approx(0.5)
    assert (result.low, result.high) == (1e9, 8e9)


def test_without_networks_or_a_budget_on_the_first_cost_there_is_no_gain() -> None:
    asked = settings(budgets=("8G-MACs",), range_from=("1G-MACs",))
    assert gain_of([], [row(35.5, 10**9)], asked, 34.0) is None
    assert gain_of([{"psnr": 36.0, "macs": 1e9, "params": 1.0}], [], asked, 34.0) is None
    unlimited = settings(budgets=("90K-params",), range_from=("10K-params",))
    assert gain_of([{"psnr": 36.0, "macs": 1e9}], [row(35.5, 10**9)], unlimited, 34.0) is None


def test_they_are_trained_as_the_candidates_of_the_run_and_kept(begin: Begin) -> None:
    run, data = begin(trials=2)
    work(run, data)
    known = HandMade.of(run)
    assert known.trained == [] and known.bicubic is None
    found = [candidate.figures for candidate in run.candidates()]
    build = known.build(data, CPU)
    assert build.rows and build.open_trainings()
    work_on(build, (CPU,), Listener(), should_stop=lambda: bool(known.trained))
    assert 0 < len(known.trained) < len(known.rows)
    assert known.gain(found) is None, "against some of them, the gain would look larger than it is"
    work_on(build, (CPU,), Listener(), should_stop=lambda: False)
    assert len(known.trained) == len(known.rows) and known.is_complete
    assert known.bicubic == pytest.approx(run.bicubic[0])
    assert not known.build(data, torch.device("cpu")).open_trainings()
    assert known.gain(found) == gain_of(found, known.trained, run.settings, run.bicubic[0]) is not None


def test_a_hand_made_network_that_fails_does_not_hide_the_gain(begin: Begin) -> None:
    run, data = begin(trials=2)
    work(run, data)
    known = HandMade.of(run)
    build = known.build(data, CPU)
    first, *others = build.rows
    failed = Training(seed=0, failure="The loss became nan by step 2.")
    build.journal.append(0, first.network.fingerprint, training=failed.model_dump(mode="json"))
    assert not known.is_complete
    work_on(build, (CPU,), Listener(), should_stop=lambda: False)
    assert known.is_complete and len(known.trained) == len(others)
    assert known.gain([candidate.figures for candidate in run.candidates()]) is not None


def test_without_a_full_training_there_is_nothing_to_compare_fully(begin: Begin) -> None:
    run, _ = begin(trials=1)
    assert fully_trained(run.folder, run.settings) == []
    with pytest.raises(InputError, match="nas train first"):
        HandMade.fully(run)


def test_fully_trained_networks_are_compared_with_hand_made_ones_by_their_own_recipe(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = begin(trials=2)
    work(run, data)
    monkeypatch.chdir(tmp_path)
    words = ("--recipe", "tiny4.yaml", "--steps", 6, "--top", 1)
    plugin = ("--plugin", SPACES / "dots.py")
    trained = run_nas(tmp_path, "train", "first", *words, *plugin)
    assert trained.code == 0, trained
    (group,) = fully_trained(run.folder, run.settings)
    assert group.recipe.steps == 6 and len(group.networks) == 1
    known = HandMade.fully(run)
    assert known.folder != HandMade.of(run).folder
    compared = run_nas(tmp_path, "hand-made", "first", "--full", *plugin)
    assert compared.code == 0, compared
    assert "of 1 fully trained networks of the run" in compared.out
    assert len(HandMade.fully(run).trained) == len(known.rows)
