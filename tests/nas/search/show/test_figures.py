import json
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from searches import Begin, settings, work

from nas.search.history import MeasuredNetwork
from nas.search.run import Run
from nas.search.show.figures import hypervolume_figure, learning_figure, refresh_figures

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


def saved(run: Run) -> dict[str, Any]:
    """Return the figures that the dashboard finds in a study, put together from their pieces."""
    pieces: dict[str, dict[int, str]] = {}
    attributes = run.storage.get_study_system_attrs(run.study._study_id)
    for key, text in attributes.items():
        if key.startswith("dashboard:plot_data:"):
            name, _, number = key.removeprefix("dashboard:plot_data:").rpartition(":")
            pieces.setdefault(name, {})[int(number)] = text
    return {name: json.loads("".join(text for _, text in sorted(parts.items()))) for name, parts in pieces.items()}


def test_a_search_keeps_its_hypervolume_in_the_study(begin: Begin) -> None:
    run, data = begin(trials=3, objectives=("psnr", "ssim", "params"))
    run.study.set_user_attr("bicubic", [1.0, 0.0])
    work(run, data)
    figure = saved(run)["hypervolume"]
    line = figure["data"][0]
    assert line["x"][-1] == 3
    assert 0 < line["y"][-1] == max(line["y"])
    assert figure["layout"]["yaxis"]["title"]["text"] == "dB·SSIM·octaves"


def test_what_was_refused_changes_no_figure(begin: Begin) -> None:
    run, _ = begin()
    number = len(run.study.get_trials())
    run.study.add_trial(optuna.create_trial(state=TrialState.PRUNED))
    refresh_figures(run.settings, run.study, run.study.get_trials()[number])
    assert saved(run) == {}


def test_an_empty_study_has_an_empty_figure(begin: Begin) -> None:
    run, _ = begin()
    assert hypervolume_figure(run.study, run.settings).data[0].x == ()


def measured(number: int, macs: float, **psnr: float) -> MeasuredNetwork:
    rungs = {int(steps.removeprefix("at")): {"psnr": value} for steps, value in psnr.items()}
    return MeasuredNetwork(f"f{number}", {}, {"macs": macs, "params": 1.0}, rungs, number)


def test_each_network_is_a_line_in_the_colour_of_its_front() -> None:
    front, better, worse = (
        measured(3, 1e9, at100=30.0, at300=31.0),
        measured(4, 4e9, at100=31.0),
        measured(7, 4e9, at100=30.5),
    )
    figure = learning_figure([front, worse, better], settings(), {3: 3, 4: 4, 7: 7})
    assert [trace.name for trace in figure.data] == ["second front", "front"]  # the last is on top
    behind, top = figure.data
    assert (behind.x, behind.y) == ((100, None), (30.5, None))
    assert top.x == (100, 300, None, 100, None)
    assert top.y == (30.0, 31.0, None, 31.0, None)
    assert top.text[:2] == ("trial 3", "trial 3")
