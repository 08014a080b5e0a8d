"""A run as an object: its front, its best networks, its data frame and how it shows itself."""

import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import cv2
import numpy as np
import optuna
import pytest
import torch

import nas


@pytest.fixture
def run(here: Path) -> nas.SearchRun:
    return nas.open("first")


def test_nothing_beats_what_is_on_the_front_and_something_beats_the_others(run: nas.SearchRun) -> None:
    front, trained = run.front(), run.candidates()
    assert [found.macs for found in front] == sorted(found.macs for found in front)
    for found in trained:
        better = [other for other in trained if other.psnr > found.psnr and other.macs < found.macs]
        assert (found in front) == (not better)


def test_a_found_network_has_its_figures_and_its_model(run: nas.SearchRun) -> None:
    for found in run.candidates():
        assert found.figures == {"psnr": found.psnr, "ssim": found.ssim, "macs": found.macs, "params": found.params}
        assert nas.cost(found).macs == found.macs
        model = nas.load(found)
        assert model.architecture == found.architecture
        assert found.build().load_state_dict(model.network.state_dict())
        with pytest.raises(FrozenInstanceError):
            found.psnr = 50.0  # type: ignore[misc]


def test_the_best_within_a_budget(run: nas.SearchRun) -> None:
    trained = run.candidates()
    assert run.best() == max(trained, key=lambda found: found.psnr)
    cheapest = min(trained, key=lambda found: found.macs)
    assert run.best(under=f"{cheapest.macs}-MACs") == cheapest
    assert run.best(under=["300M-MACs", f"{cheapest.params}-params"]) == cheapest
    with pytest.raises(nas.InputError, match=r"No network of the run 'first' fits 1M-MACs; the cheapest has .* MACs\."):
        run.best(under="1M-MACs")
    with pytest.raises(nas.InputError, match=r"The latency of .* is not known"):
        run.best(under="5ms")


def test_the_study_is_an_optuna_study(run: nas.SearchRun) -> None:
    assert isinstance(run.study, optuna.Study)
    assert {trial.number for trial in run.study.best_trials} == {found.trial for found in run.front()}


def test_the_data_frame_has_a_row_for_each_candidate(run: nas.SearchRun) -> None:
    frame = run.to_dataframe()
    assert list(frame.index) == [found.trial for found in run.candidates()]
    assert list(frame["psnr"]) == [found.psnr for found in run.candidates()]
    assert {found.trial for found in run.front()} == {*frame.index[frame["front"]]}
    assert list(frame["choice.width"]) == [found.architecture.choices["width"] for found in run.candidates()]


def test_without_pandas_a_data_frame_is_refused_with_the_remedy(
    run: nas.SearchRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(nas.InputError, match=r"needs pandas.*\[pandas\]"):
        run.to_dataframe()


def test_it_shows_itself_in_words_and_as_a_picture(run: nas.SearchRun) -> None:
    shown = repr(run)
    assert shown.startswith("<SearchRun 'first': 3 networks trained, 3 tried; best ")
    assert f"{run.best().psnr:.2f} dB" in shown
    picture = run._repr_png_()
    assert picture is not None
    assert len(picture) < 60_000
    height, width, _ = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape
    assert (width, height) == (800, 496)


def test_a_run_that_has_trained_nothing_yet_says_so(here: Path) -> None:
    run = nas.search(
        "300M-MACs",
        data="images",
        space="dots",
        recipe="tiny.yaml",
        no_rungs=True,
        plugin="dots.py",
        run="empty",
        callback=lambda event: nas.STOP if event.kind == "training" else None,
    )
    assert run.front() == []
    assert run._repr_png_() is None
    assert repr(run) == "<SearchRun 'empty': 0 networks trained, 0 tried; results/empty>"
    assert len(run.to_dataframe()) == 0
    with pytest.raises(nas.InputError, match="no network yet"):
        run.best()


def test_bicubic_and_the_protocol_are_those_of_the_run(run: nas.SearchRun) -> None:
    psnr, ssim = run.bicubic
    assert 20 < psnr < 60
    assert 0 < ssim < 1
    assert "shave 2" in run.protocol or "2 border pixels" in run.protocol


def test_a_run_that_is_not_there_is_an_input_error(here: Path) -> None:
    with pytest.raises(nas.InputError, match="There is no run 'second' in results"):
        nas.open("second")


def test_reading_a_run_leaves_torch_alone(run: nas.SearchRun) -> None:
    torch.set_num_threads(3)
    run.best()
    nas.open("first")
    assert torch.get_num_threads() == 3
