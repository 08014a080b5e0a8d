"""A run is started once, and continued afterwards."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from searches import Begin

from nas.cost import screening_cost
from nas.errors import InputError, RunError
from nas.search.request import Request
from nas.search.schedule.deadline import Deadline
from nas.search.settings import SETTINGS, read_settings
from nas.search.start import is_first_look
from nas.search.study import settings_of


def test_a_new_run_has_its_settings_in_the_folder_and_in_the_study(begin: Begin) -> None:
    run, data = begin()
    assert read_settings(run.folder) == run.settings
    assert settings_of(run.study).run_id == run.settings.run_id != ""
    assert run.settings.data_fingerprint == data.fingerprint
    assert {"bicubic", "protocol"} <= run.study.user_attrs.keys()


def test_published_points_of_the_space_wait_in_the_queue_first(begin: Begin) -> None:
    run, _ = begin()
    assert [trial.user_attrs["name"] for trial in run.study.get_trials()] == ["dots/Dots-A", "dots/Dots-B"]


def test_the_same_request_continues_the_run_and_may_extend_it(begin: Begin) -> None:
    first, _ = begin()
    again, _ = begin(trials=9)
    assert again.settings.run_id == first.settings.run_id and again.settings.trials == 9
    assert len(again.study.get_trials()) == 2


def test_a_run_is_not_continued_with_other_settings(begin: Begin) -> None:
    begin()
    with pytest.raises(InputError, match=r"has other settings .*seed is 0, not 1"):
        begin(seed=1)


def test_an_error_in_the_request_leaves_no_folder(begin: Begin, tmp_path: Path) -> None:
    for wrong in ({"budgets": ("1K-MACs",)}, {"sampler": "rnd"}, {"run": "cache"}):
        with pytest.raises(ValueError):
            begin(**wrong)
    assert not (tmp_path / "results").exists()


def test_a_folder_that_can_not_hold_locks_is_named(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "cache").touch()
    with pytest.raises(RunError, match=r"cache/locks can't be written"):
        begin()
    assert not (tmp_path / "results" / "first" / SETTINGS).exists()


def test_a_new_run_without_images_and_length_is_a_first_look(tmp_path: Path) -> None:
    request = Request(budgets=("10G-MACs",))
    assert is_first_look(request, tmp_path)
    assert not is_first_look(replace(request, data="night"), tmp_path)
    assert not is_first_look(replace(request, trials=3), tmp_path)
    assert not is_first_look(replace(request, storage="sqlite:///team.db"), tmp_path)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "search.yaml").touch()
    assert not is_first_look(replace(request, run="first"), tmp_path), "it continues"


def test_a_short_search_leaves_out_what_is_too_expensive_to_train_here(begin: Begin) -> None:
    deadline = Deadline.after(30, time.monotonic())
    asked = {"space": "hybrid", "budgets": ("300G-MACs",), "recipe": "brief", "rungs": None, "trials": None}
    with pytest.warns(UserWarning, match="take too long to train here"):
        run, _ = begin(**asked, sampler=None, deadline=deadline)
    (top,), (end,) = run.settings.range_to, run.settings.range_from
    assert top.limit < 300e9 and end.limit < top.limit
    for trial in run.study.get_trials():
        queued = run.settings.architecture(trial.system_attrs["fixed_params"])
        assert screening_cost(queued).macs <= top.limit
