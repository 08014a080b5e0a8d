import shlex
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState
from searches import Begin, settings, trials_in, work

from nas.budget import refusal
from nas.cost import screening_cost
from nas.errors import InputError
from nas.plugins.given import give_command
from nas.search.latency import CALIBRATION, calibration_networks, latency_meter
from nas.search.schedule.ending import Ending
from nas.search.settings import Settings, read_settings, space_fingerprint
from search_spaces import SPACES

COMMAND = "bench {model}"


def of_hybrid(*budgets: str) -> Settings:
    fixed = {"image_skip": "nearest", "width": 16}
    return settings(space="hybrid", budgets=budgets, fixed=fixed, space_fingerprint=space_fingerprint("hybrid"))


def of_lapsrn(**changed: str) -> Settings:
    """Settings of a space that doesn't give its networks as parts."""
    return settings(space="lapsrn", fixed={}, space_fingerprint=space_fingerprint("lapsrn"), **changed)


def test_predictions_rest_on_networks_that_the_search_may_find_always_the_same() -> None:
    asked = of_hybrid("10G-MACs", "60K-params")
    networks = calibration_networks(asked)
    assert len({network.fingerprint for network in networks}) == CALIBRATION
    for network in networks:
        assert (network.choices["image_skip"], network.choices["width"]) == ("nearest", 16)
        assert refusal(asked.budgets, screening_cost(network)) is None
    assert networks == calibration_networks(asked)


def test_half_of_them_are_published_where_so_many_fit() -> None:
    fixed = {"image_skip": "nearest", "width": 16}
    points = [{**point.choices, **fixed} for point in SPACES.get("hybrid").published.values()]
    are_published = [network.choices in points for network in calibration_networks(of_hybrid("300G-MACs"))]
    assert are_published == [True] * (CALIBRATION // 2) + [False] * (CALIBRATION // 2)


def test_a_budget_that_nothing_fits_leaves_none() -> None:
    assert calibration_networks(of_hybrid("100-params")) == []


def test_in_a_space_without_parts_nothing_is_measured_before_the_search(tmp_path: Path) -> None:
    give_command(COMMAND)
    latency = latency_meter(of_lapsrn(latency_command=COMMAND), tmp_path)
    assert latency.runtime.name == COMMAND
    assert list(tmp_path.rglob("*")) == []


def test_a_machine_that_measures_on_something_else_is_refused(tmp_path: Path) -> None:
    run = settings(latency_runtime="ONNX Runtime 0.1, Z80, 1 thread")
    with pytest.raises(
        InputError, match=r"'first' measures latencies on ONNX Runtime 0\.1, Z80, 1 thread, but this machine has ONNX"
    ):
        latency_meter(run, tmp_path)
    give_command(COMMAND)
    latency_meter(of_lapsrn(latency_command=COMMAND, latency_runtime=COMMAND), tmp_path)


def test_a_command_that_nobody_gave_here_is_not_run(tmp_path: Path) -> None:
    run = settings(latency_command=f"touch {tmp_path / 'ran'} {{model}}")
    with pytest.raises(InputError, match=r"'first' would execute a latency command that was not allowed here") as said:
        latency_meter(run, tmp_path)
    assert f"--latency-command {shlex.quote(str(run.latency_command))}." in str(said.value)
    assert list(tmp_path.iterdir()) == []


def test_a_run_goes_on_with_what_it_measures_by(begin: Begin) -> None:
    run, _ = begin(latency_command=COMMAND)
    assert begin()[0].settings == read_settings(run.folder) == run.settings
    assert (run.settings.latency_command, run.settings.latency_threads) == (COMMAND, 1)
    assert run.settings.latency_runtime is None, "the search doesn't ask for latencies"
    with pytest.raises(InputError, match="latency_threads is 1, not 2"):
        begin(latency_threads=2)


def test_a_search_by_latency_ends_with_the_front_of_it(begin: Begin, tmp_path: Path) -> None:
    device = tmp_path / "device.py"
    device.write_text("import os, sys\nprint('took', os.path.getsize(sys.argv[1]) / 1000, 'ms')\n")
    command = f"{sys.executable} {device} {{model}}"
    run, data = begin(
        objectives=("psnr", "latency"), latency_command=command, budgets=("300M-MACs", "1000ms"), trials=2
    )
    assert run.settings.latency_runtime == command
    reason, said = work(run, data)
    assert reason == Ending.DONE, said.lines
    assert list(run.study.metric_names) == ["PSNR dB", "latency ms"]
    for trial in trials_in(run, TrialState.COMPLETE):
        assert trial.values[1] == trial.user_attrs["latency"] > 0
        assert trial.constraints["ms"] == pytest.approx(trial.values[1] - 1000)
