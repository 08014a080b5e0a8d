"""Full training from Python: of the front of a run, of named architectures and of objects."""

import re
from functools import partial
from pathlib import Path

import pytest
import torch
from command import run_nas

import nas
from search_spaces import Architecture

train = partial(nas.train, data="images", recipe="tiny.yaml", steps=6, jobs=1)


@pytest.mark.usefixtures("here")
def test_the_front_of_a_run_is_trained_into_the_run() -> None:
    run = nas.open("first")
    models = nas.train(run, top=2, recipe="tiny.yaml", steps=6)
    assert len(models) == min(2, len(run.front()))
    assert all(model.folder.parent == Path("results/first/trained") for model in models)
    assert models[0].architecture == run.best().architecture
    assert nas.load(models[0].folder).metrics == models[0].metrics


def test_the_command_finds_what_was_trained_and_trains_nothing_again(here: Path) -> None:
    (model,) = train("espcn/ESPCN")
    written = (model.folder / "weights.safetensors").stat().st_mtime_ns
    ended = run_nas(here, "train", "espcn/ESPCN", "--data", "images", "--recipe", "tiny.yaml", "--steps", 6)
    assert ended.code == 0, ended.errors
    assert (model.folder / "weights.safetensors").stat().st_mtime_ns == written
    assert nas.load("espcn/ESPCN").folder == model.folder


@pytest.mark.usefixtures("here")
def test_objects_are_trained_as_what_they_are() -> None:
    found = nas.open("first").front()[0]
    architecture = Architecture.published("ecbsr/M4C8")
    tuned, again, own = train([nas.load("camera"), found, architecture])
    assert tuned.folder.name == "camera-tuned"
    assert again.folder.name == found.name.replace(":", "-").replace("/", "-")
    assert own.folder.name == f"ecbsr-{architecture.fingerprint}"
    assert [again.architecture, own.architecture] == [found.architecture, architecture]


@pytest.mark.usefixtures("here")
def test_a_callback_stops_a_training_and_the_same_call_continues() -> None:
    threads = torch.get_num_threads()
    with pytest.raises(nas.StoppedError, match="Stopped after"):
        train("espcn/ESPCN", steps=200, callback=lambda event: nas.STOP)
    events: list[nas.Event] = []
    (model,) = train("espcn/ESPCN", steps=200, callback=events.append)
    assert model.metrics["steps"] == 200
    assert events[-1].kind == "note"
    assert re.match(r"1 network, \d+ (of 200 steps left|steps): about \d+ (s|min) on ", str(events[0]))
    assert next(event.done for event in events if event.kind == "training") > 0
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("here")
def test_several_are_trained_at_a_time() -> None:
    lines: list[str] = []
    models = train(["espcn/ESPCN", "ecbsr/M4C8"], jobs=2, callback=lambda event: lines.append(str(event)))
    assert [model.architecture.space for model in models] == ["espcn", "ecbsr"]
    assert any(line.startswith("ecbsr-M4C8: ") for line in lines)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("what", "options", "sentence"),
    [
        ([], {}, "There is nothing to train"),
        ("espcn/ESPCN", {"recipe": "nowhere"}, "nowhere"),
        ("espcn/ESPCM", {}, "ESPCM"),
        ("espcn/ESPCN", {"steps": 0}, "steps must be a whole number of at least 1, not 0"),
        (["espcn/ESPCN", "first:0"], {"scale": 3}, "different scales"),
        ("espcn/ESPCN", {"tensorboard": "tiny.yaml"}, "tensorboard tiny.yaml can't be written"),
    ],
)
def test_what_is_wrong_is_an_input_error(what: object, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(nas.InputError, match=sentence):
        train(what, **options)  # type: ignore[arg-type]
