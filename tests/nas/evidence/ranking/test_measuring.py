from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from searches import Listener

from nas.errors import InputError
from nas.evidence.benchmark.journal import PLAN
from nas.evidence.ranking.evidence import gather
from nas.evidence.ranking.measuring import Ranking, default_proxies
from nas.evidence.ranking.settings import RankRequest, open_settings
from nas.table import read_table, write_table
from nas.training.trainer import TrainingStoppedError
from proxies import PROXIES
from search_spaces import UnknownNameError

CPU = torch.device("cpu")
TINY = (
    "base: brief\nname: tiny\nsteps: 4\nbatch: 2\npatch: 8\nvalidations: 2\nvalidation_crop: 32\nprecision: float32\n"
)
PROXIES_ASKED = ("brief", "params", "grad_norm")


@pytest.fixture
def request_(tiny_data: Path, tmp_path: Path) -> RankRequest:
    (tmp_path / "tiny.yaml").write_text(TINY)
    tiny = str(tmp_path / "tiny.yaml")
    return RankRequest("few", str(tiny_data), "ecbsr", 2, ("1G-MACs",), 4, tiny, tiny, 6)


def opened(request: RankRequest, results: Path) -> Ranking:
    settings, data, folder = open_settings(request, CPU, results)
    return Ranking(settings, data, folder, CPU)


def measured(ranking: Ranking, should_stop: Callable[[], bool] = lambda: False) -> Listener:
    listener = Listener()
    ranking.measure(ranking.draw(), PROXIES_ASKED, listener, should_stop)
    return listener


def without_seconds(ranking: Ranking) -> list[object]:
    return [
        (
            row.network,
            row.proxies,
            [(training.is_reference, training.curve, training.ssim) for training in row.trainings],
        )
        for row in ranking.table().rows
    ]


def test_every_network_is_scored_and_trained(request_: RankRequest, tmp_path: Path) -> None:
    ranking = opened(request_, tmp_path / "results")
    listener = measured(ranking)
    table = ranking.table()
    assert len(table.rows) == 4
    assert (table.header.recipe.steps, table.header.clock) == (4, "seconds")
    assert table.header.reference is not None and table.header.reference.steps == 6
    for row in table.rows:
        brief, reference = row.trainings
        assert [step for step, _ in brief.curve] == [2, 4] and not brief.is_reference
        assert [step for step, _ in reference.curve] == [3, 6] and reference.is_reference
        assert set(row.proxies) == set(PROXIES_ASKED) == set(row.proxy_seconds)
        assert row.proxies["params"] == row.params
        assert row.proxies["brief"] == pytest.approx(brief.curve[-1][1], abs=1e-3)
    assert len(listener.lines) == 4 and listener.lines[0].endswith("dB after 6 steps")
    assert not list((ranking.folder / "checkpoints").glob("*"))
    names = [proxy.name for proxy in gather(table).proxies]
    assert sorted(names) == ["3 steps", "brief", "grad_norm", "macs", "params"]


def test_it_goes_on_after_a_stop_at_any_step_and_trains_nothing_twice(request_: RankRequest, tmp_path: Path) -> None:
    whole = opened(request_, tmp_path / "whole")
    measured(whole)
    parts, stops, listeners = opened(request_, tmp_path / "parts"), 0, []
    while True:
        calls = iter(range(11))
        try:
            listeners.append(measured(parts, lambda calls=calls: next(calls, None) is None))
            break
        except TrainingStoppedError:
            stops += 1
            parts = opened(request_, tmp_path / "parts")
    assert stops >= 3
    assert without_seconds(parts) == without_seconds(whole)
    assert measured(parts).begun == []


def test_more_networks_and_proxies_do_only_what_is_new(request_: RankRequest, tmp_path: Path) -> None:
    results = tmp_path / "results"
    first = opened(request_, results)
    measured(first)
    before = first.table().rows
    more = opened(RankRequest("few", sample=5), results)
    assert more.settings == first.settings.model_copy(update={"sample": 5})
    listener = Listener()
    more.measure(more.draw(), ("params", "naswot"), listener, lambda: False)
    after = more.table().rows
    assert [row.trainings for row in after[:4]] == [row.trainings for row in before]
    assert all("naswot" in row.proxies for row in after)
    assert sum(label.endswith("MACs)") for label in listener.begun) == 1  # one training


def test_a_network_that_cannot_be_trained_has_no_part(request_: RankRequest, tmp_path: Path) -> None:
    wild = tmp_path / "wild.yaml"
    wild.write_text(TINY + "learning_rate: 1.0e+9\nclip: 1.0e+9\nwarmup: 0.0\n")
    ranking = opened(replace(request_, reference=str(wild), steps=24), tmp_path / "results")
    listener = measured(ranking)
    assert all(training.failure for row in ranking.table().rows for training in row.trainings if training.is_reference)
    assert len(listener.lines) == 4 and "loss" in listener.lines[0]
    assert measured(ranking).begun == []  # nor is it tried again
    with pytest.raises(InputError, match="No network is trained yet"):
        gather(ranking.table())


def test_other_settings_need_another_name(request_: RankRequest, tmp_path: Path) -> None:
    opened(request_, tmp_path / "results").draw()
    with pytest.raises(InputError, match=r"The ranking 'few' has another budgets; choose another --run name"):
        opened(replace(request_, budgets=("2G-MACs",)), tmp_path / "results")
    with pytest.raises(InputError, match=r"another reference"):
        opened(replace(request_, steps=7), tmp_path / "results")


def test_recipes_for_different_images_are_refused(request_: RankRequest, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(TINY + "degradation: noise\n")
    with pytest.raises(InputError, match="a ranking needs the same images"):
        opened(replace(request_, reference=str(other)), tmp_path / "results")
    assert not (tmp_path / "results" / "ranks").exists()


def test_without_a_name_it_is_named_by_what_it_ranks(request_: RankRequest, tmp_path: Path) -> None:
    assert opened(replace(request_, run=None), tmp_path / "results").settings.run == "ecbsr-x2-1G-MACs-tiny"


def test_a_plan_that_is_none_is_named(request_: RankRequest, tmp_path: Path) -> None:
    ranking = opened(request_, tmp_path / "results")
    ranking.draw()
    (ranking.folder / PLAN).write_text("{")
    with pytest.raises(InputError, match=f"{PLAN} is damaged"):
        ranking.table()


def test_an_unknown_proxy_is_refused_before_anything_is_trained(request_: RankRequest, tmp_path: Path) -> None:
    ranking, listener = opened(request_, tmp_path / "results"), Listener()
    with pytest.raises(UnknownNameError, match="did you mean 'synflow'"):
        ranking.measure(ranking.draw(), ("params", "sinflow"), listener, lambda: False)
    assert listener.begun == []


def test_by_default_all_are_asked_that_need_no_training_of_their_own() -> None:
    assert "brief" in default_proxies()
    assert {proxy.name for proxy in PROXIES if not proxy.trains} <= set(default_proxies())


def test_a_ranking_is_a_table_that_is_read_anywhere(request_: RankRequest, tmp_path: Path) -> None:
    ranking = opened(request_, tmp_path / "results")
    measured(ranking)
    write_table(ranking.table(), tmp_path / "few.json.gz")
    assert read_table(tmp_path / "few.json.gz") == ranking.table()
