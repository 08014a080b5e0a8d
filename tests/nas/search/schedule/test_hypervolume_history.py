from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from searches import settings

from nas.search.schedule.hypervolume_history import FlatWatch, Step, hypervolume_history, is_flat
from nas.search.settings import Settings
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url
from nas.search.study import create_study
from search_spaces import SPACES

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")

FALSR = SPACES.get("falsr")
POINT = dict(FALSR.published["FALSR-B"].choices)


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return new_study(tmp_path, asked())


def new_study(folder: Path, settings: Settings) -> optuna.Study:
    study = create_study(open_storage(embedded_url(folder)), settings)
    study.set_user_attr("bicubic", [30.0, 0.8])
    return study


def asked(**changed: Any) -> Settings:
    return settings(**{"budgets": ("64G-MACs",), "stop_when_flat": 2} | changed)


def end(study: optuna.Study, psnr: float, gmacs: float, state: TrialState = TrialState.COMPLETE, **more: Any) -> int:
    """Let a training end with these figures; returns its trial."""
    drawn = optuna.trial.FixedTrial(POINT)
    FALSR.suggest(drawn)
    figures = {"psnr": psnr, "ssim": 0.9, "macs": int(gmacs * 1e9), "params": 2000, "seconds": 1.0, **more}
    values = [psnr, gmacs, 2.0][: len(study.directions)] if state == TrialState.COMPLETE else None
    study.add_trial(
        create_trial(
            state=state, values=values, params=drawn.params, distributions=drawn.distributions, user_attrs=figures
        )
    )
    return len(study.get_trials()) - 1


def test_the_hypervolume_after_each_training(study: optuna.Study) -> None:
    trials = [end(study, 31.0, 32), end(study, 30.5, 48), end(study, 32.0, 16)]
    # 1 dB over 1 octave; nothing new; 2 dB over 2 octaves, which hold all before.
    assert hypervolume_history(study, asked()) == [
        Step(t, pytest.approx(v)) for t, v in zip(trials, (1, 1, 4), strict=True)
    ]


def test_what_was_refused_or_failed_is_no_step_but_what_was_put_on_hold_is(study: optuna.Study) -> None:
    first = end(study, 31.0, 32)
    end(study, 31.0, 99, TrialState.PRUNED)
    end(study, 31.0, 99, TrialState.FAIL)
    held = end(study, 31.0, 16, TrialState.PRUNED, rungs={"100": {"psnr": 31.0}})
    assert [step.trial for step in hypervolume_history(study, asked())] == [first, held]
    assert len({step.hypervolume for step in hypervolume_history(study, asked())}) == 1


def test_without_a_budget_all_steps_have_the_dearest_of_today_as_reference(study: optuna.Study) -> None:
    free = asked(budgets=("900K-params",))
    end(study, 31.0, 16)
    assert [step.hypervolume for step in hypervolume_history(study, free)] == [0]
    end(study, 30.5, 32)
    assert [step.hypervolume for step in hypervolume_history(study, free)] == pytest.approx([1, 1])


def test_of_three_objectives_it_is_a_volume(tmp_path: Path) -> None:
    three = asked(budgets=("64G-MACs", "16K-params"), objectives=("psnr", "macs", "params"))
    study = new_study(tmp_path, three)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert study.metric_names == ["PSNR dB", "GMACs", "K params"]
    end(study, 31.5, 16)
    assert [step.hypervolume for step in hypervolume_history(study, three)] == pytest.approx([1.5 * 2 * 3])


@pytest.mark.parametrize(
    ("volumes", "flat"),
    [
        ([], False),
        ([1.0, 1.0], False),  # two candidates, of which the first is all there was
        ([1.0, 1.0, 1.0], True),
        ([1.0, 1.0, 1.0009], True),  # within the noise of a training
        ([1.0, 1.0, 1.0011], False),
        ([1.0, 2.0, 2.0], False),
        ([1.0, 2.0, 2.0, 2.0], True),
        ([0.0, 0.0, 0.0, 0.0], False),  # nothing is better than the reference yet
    ],
)
def test_flat_is_what_has_not_grown_over_so_many_candidates(volumes: list[float], flat: bool) -> None:
    assert is_flat([Step(trial, volume) for trial, volume in enumerate(volumes)], 2) is flat


def test_every_worker_sees_the_same_when_a_search_becomes_flat(study: optuna.Study) -> None:
    watches = [FlatWatch(study, asked()), FlatWatch(study, asked())]
    seen = []
    for psnr, gmacs in ((31.0, 32), (30.9, 33), (30.9, 34), (31.5, 32)):
        end(study, psnr, gmacs)
        seen.append([watch.reason() for watch in watches])
    reason = "the hypervolume has not grown for 2 candidates"
    assert seen == [[None] * 2, [None] * 2, [reason] * 2, [None] * 2]


def test_who_did_not_ask_is_not_stopped(study: optuna.Study) -> None:
    for _ in range(4):
        end(study, 31.0, 32)
    assert FlatWatch(study, asked(stop_when_flat=None)).reason() is None
    assert FlatWatch(study, asked()).reason() is not None
