"""The wanted settings of a run: options over what the run remembers, or over the defaults."""

from pathlib import Path
from typing import Any

import pytest
from searches import CPU, SPACES, write_recipe

from nas.errors import InputError
from nas.search.option import DEFAULT_SCREENS
from nas.search.request import Request
from nas.search.wanted import default_name, latency_runtime, wanted_settings
from search_spaces import UnknownNameError


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (Request(budgets=("10G-MACs",)), "hybrid-x2-10G-MACs-synthetic"),
        (Request(budgets=("10G-MACs",), data="/a/night"), "hybrid-x2-10G-MACs-night"),
        (Request(budgets=("10G-MACs",), space="falsr", scale=3), "falsr-x3-10G-MACs-synthetic"),
        (Request(budgets=("10G-MACs",), lr="640x512"), "hybrid-x2-10G-MACs-1280x1024-synthetic"),
        (Request(budgets=("10G-MACs",), objectives=("ssim", "macs")), "hybrid-x2-10G-MACs-ssim-macs-synthetic"),
    ],
)
def test_a_run_is_named_after_what_is_searched(request_: Request, name: str) -> None:
    assert default_name(request_) == name


def test_a_run_without_name_and_budget_is_refused() -> None:
    with pytest.raises(InputError, match=r"Give a --budget, .*, or the --run to continue"):
        default_name(Request())


def dots(**changed: Any) -> Request:
    return Request(**{"budgets": ("300M-MACs",), "space": "dots", "plugins": (str(SPACES / "dots.py"),), **changed})


def test_candidates_skip_no_steps(tmp_path: Path) -> None:
    patient = tmp_path / "patient.yaml"
    patient.write_text("{base: brief, name: patient, plateau: {patience: 2}}")
    with pytest.raises(InputError, match="A search compares networks after the same steps, but the recipe 'patient'"):
        wanted_settings(dots(recipe=str(patient)), tmp_path / "run", CPU)


def test_options_take_the_place_of_defaults(tmp_path: Path) -> None:
    request = dots(recipe=write_recipe(tmp_path, 90), trials=7, fixed={"width": 32})
    earlier, wanted, space = wanted_settings(request, tmp_path / "first", CPU)
    assert earlier is None and space.name == wanted["space"] == "dots"
    assert (wanted["trials"], wanted["is_planned"], wanted["rungs"]) == (7, False, (10, 30, 90))
    assert (wanted["screens"], wanted["sampler"]) == (DEFAULT_SCREENS, "local")
    assert wanted["fixed"] == {**space.pinned, "width": 32}


def test_a_sampler_that_is_named_has_no_default_screen(tmp_path: Path) -> None:
    request = dots(sampler="random")
    assert wanted_settings(request, tmp_path / "first", CPU)[1]["screens"] == ()


def test_the_last_rung_is_the_length_of_the_training(tmp_path: Path) -> None:
    wanted = wanted_settings(dots(rungs=(5, 20)), tmp_path / "first", CPU)[1]
    assert (wanted["rungs"], wanted["recipe"].steps) == ((5, 20), 20)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (dots(sampler="rnd"), UnknownNameError),
        (dots(fixed={"wings": 2}), UnknownNameError),
        (dots(fixed={"width": 9999}), InputError),
        (dots(budgets=("1K-MACs",)), InputError),
        (dots(budgets=None), InputError),
    ],
)
def test_what_can_not_be_searched_is_refused(tmp_path: Path, request_: Request, error: type[Exception]) -> None:
    with pytest.raises(error):
        wanted_settings(request_, tmp_path / "first", CPU)


def test_a_runtime_is_named_only_if_the_search_asks_for_latencies(tmp_path: Path) -> None:
    for budgets, is_named in ((("300M-MACs",), False), (("300M-MACs", "33ms"), True)):
        request = dots(budgets=budgets)
        wanted = wanted_settings(request, tmp_path / "first", CPU)[1]
        assert (latency_runtime(wanted) is not None) is is_named
