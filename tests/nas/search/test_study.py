from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from searches import settings

from nas.errors import InputError
from nas.search.samplers import SAMPLERS, make_sampler
from nas.search.settings import Settings
from nas.search.storage.opening import open_storage
from nas.search.storage.urls import embedded_url
from nas.search.study import architecture_of, create_study, load_study, publish, settings_of
from search_spaces import SPACES, Architecture, UnknownNameError

FALSR = SPACES.get("falsr")

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")


@pytest.fixture
def storage(tmp_path: Path) -> RDBStorage:
    return open_storage(embedded_url(tmp_path))


@pytest.fixture
def study(storage: RDBStorage) -> optuna.Study:
    return create_study(storage, run_settings())


def run_settings(**changed: Any) -> Settings:
    return settings(**{"trials": 4, "fixed": {"image_skip": True}} | changed)


def test_the_published_points_are_the_first_trials(study: optuna.Study) -> None:
    waiting = study.get_trials()
    assert [trial.user_attrs["name"] for trial in waiting] == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]
    assert {trial.state for trial in waiting} == {TrialState.WAITING}
    expected = dict(FALSR.published["FALSR-A"].choices) | {"image_skip": True}
    assert waiting[0].system_attrs["fixed_params"] == expected


def test_the_published_points_are_enqueued_once(storage: RDBStorage, study: optuna.Study) -> None:
    create_study(storage, run_settings())
    taken = study.ask()
    Architecture.suggest("falsr", 2, 1, taken)
    study.tell(taken, [30.0, 1.0])
    create_study(storage, run_settings())
    assert len(study.get_trials()) == 3


def test_no_more_published_points_are_queued_than_the_run_may_try(storage: RDBStorage) -> None:
    def queued(trials: int) -> list[str]:
        study = create_study(storage, run_settings(trials=trials, budgets=("100G-MACs",)))
        publish(study, run_settings(trials=trials, budgets=("100G-MACs",)))
        return [trial.user_attrs["name"] for trial in study.get_trials()]

    # FALSR-A is over the budget: it is queued to be refused, which takes no time.
    assert queued(1) == ["falsr/FALSR-A", "falsr/FALSR-B"]
    assert queued(2) == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]


def test_a_study_half_created_is_completed(storage: RDBStorage) -> None:
    half = optuna.create_study(study_name="first", storage=storage, directions=["maximize", "minimize"])
    first = dict(FALSR.published["FALSR-A"].choices) | {"image_skip": True}
    half.enqueue_trial(first, user_attrs={"name": "falsr/FALSR-A"})
    names = [trial.user_attrs["name"] for trial in create_study(storage, run_settings()).get_trials()]
    assert names == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]


def test_a_point_that_is_no_longer_itself_does_not_bear_its_name(storage: RDBStorage) -> None:
    changed = create_study(storage, run_settings(fixed={"image_skip": True, "cell1.width": 16}))
    for trial in changed.get_trials():
        if "name" in trial.user_attrs:
            published = FALSR.published[trial.user_attrs["name"].partition("/")[2]].choices
            assert trial.system_attrs["fixed_params"] == dict(published) | {"image_skip": True}


def test_a_study_carries_its_settings(study: optuna.Study, storage: RDBStorage) -> None:
    publish(study, run_settings())
    assert settings_of(load_study(storage, "first")) == run_settings()
    assert study.metric_names == ["PSNR dB", "GMACs"]


def test_a_missing_study_is_named(storage: RDBStorage) -> None:
    with pytest.raises(InputError, match="holds no study 'second'"):
        load_study(storage, "second")


@pytest.mark.parametrize("sampler", SAMPLERS.names())
def test_each_sampler_draws_networks_of_the_space_after_the_published_points(storage: RDBStorage, sampler: str) -> None:
    asked = run_settings(sampler=sampler)
    create_study(storage, asked)
    study = load_study(storage, "first", make_sampler(asked, 0))
    drawn = []
    for psnr in (30.0, 31.0, 30.5, 30.2, 30.7):
        trial = study.ask()
        architecture = Architecture.suggest("falsr", 2, 1, trial)
        architecture.check()
        assert architecture.choices["image_skip"] is True
        trial.set_constraint("MACs", -1.0)
        study.tell(trial, [psnr, 10.0 - psnr / 10])
        drawn.append(architecture_of(study.get_trials()[trial.number], asked))
    assert [a.choices["cell1.width"] for a in drawn[:3]] == [64, 16, 32]  # those of FALSR-A, -B and -C
    assert len({architecture.fingerprint for architecture in drawn}) == 5


def test_an_unknown_sampler_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"There is no sampler named 'tpee'; did you mean 'tpe'\?"):
        make_sampler(run_settings(sampler="tpee"), 0)


def test_each_worker_draws_its_own_networks(storage: RDBStorage) -> None:
    create_study(storage, asked := run_settings(sampler="random"))
    for _ in asked.fixed, 1, 2:
        Architecture.suggest("falsr", 2, 1, load_study(storage, "first").ask())
    workers = [load_study(storage, "first", make_sampler(asked, number)) for number in range(3)]
    drawn = {Architecture.suggest("falsr", 2, 1, worker.ask()).fingerprint for worker in workers}
    assert len(drawn) == 3


def test_the_same_seed_draws_the_same_networks() -> None:
    def draw(seed: int) -> list[str]:
        study = optuna.create_study(sampler=make_sampler(run_settings(sampler="random", seed=seed), 0))
        return [Architecture.suggest("falsr", 2, 1, study.ask()).fingerprint for _ in range(3)]

    assert draw(0) == draw(0)
    assert draw(0) != draw(1)


def test_optuna_keeps_the_constraint_of_a_pruned_trial(study: optuna.Study) -> None:
    def refuse(trial: optuna.Trial) -> tuple[float, float]:
        trial.set_constraint("MACs", 5.0)
        raise optuna.TrialPruned

    study.optimize(refuse, n_trials=1)
    refused = study.get_trials()[0]
    assert refused.state == TrialState.PRUNED
    assert refused.constraints == {"MACs": 5.0}
    assert refused.values is None
    assert study.best_trials == []


def test_a_study_that_is_still_being_set_up_lets_no_worker_in(study: optuna.Study) -> None:
    with pytest.raises(InputError, match="'first' is still being set up"):
        settings_of(study)
