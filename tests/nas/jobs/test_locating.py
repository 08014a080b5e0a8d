"""The weights of `RUN:TRIAL`: those of the full training if there are any, else those of the search."""

import shutil
from pathlib import Path

import pytest
import torch
from searches import CPU, Begin, work, write_recipe
from studies import add

from nas.errors import InputError
from nas.jobs.locating import find_weights, locate
from nas.jobs.naming import resolve
from nas.jobs.places import Training, claim
from nas.jobs.training_plan import plan_training
from nas.metrics import measure
from nas.model import Model, load_model
from nas.search.run import Run
from search_spaces import Architecture


@pytest.fixture
def run(begin: Begin) -> Run:
    """A run with a network that was paused, promoted and trained to the end, and one that is paused."""
    run, _ = begin(rungs=(2, 4))
    before = add(run, 3, 30.0, 100e6, paused=True)
    last = add(run, 3, 31.0, 100e6, promoted_from=before)
    add(run, 4, 30.0, 120e6, paused=True)
    save(run, last, run.candidate_folder(last))
    return run


def save(run: Run, trial: int, folder: Path) -> Path:
    architecture: Architecture = run.architecture(trial)
    torch.manual_seed(0)
    Model(architecture, architecture.build(), run.settings.recipe.model_dump(mode="json"), {"psnr": 31.0}).save(folder)
    return folder


def of_the_search(run: Run) -> tuple[str, str, str]:
    """Return the name of the promoted network, its name by its last trial, and the name of the paused network."""
    (candidate,) = run.candidates()
    return candidate.label, f"first:{candidate.last_trial}", f"first:{candidate.last_trial + 1}"


def test_every_number_of_a_network_is_its_name(run: Run) -> None:
    name, other, _ = of_the_search(run)
    results = run.folder.parent
    first, second = resolve(name, results=results), resolve(other, results=results)
    assert (first.label, first.architecture) == (second.label, second.architecture) == (name, first.architecture)
    assert first.folder_name == name.replace(":", "-")


def test_weights_of_the_search_are_taken_with_a_sentence_that_says_so(run: Run) -> None:
    name, other, _ = of_the_search(run)
    (candidate,) = run.candidates()
    for asked in (name, other):
        found = find_weights(asked, results=run.folder.parent)
        assert (found.name, found.folder) == (name, run.candidate_folder(candidate.last_trial))
        assert found.told == f"{name} was trained only briefly, by the search; nas train {name} trains it fully"
        with pytest.warns(UserWarning, match="trained only briefly"):
            assert locate(asked, results=run.folder.parent) == found.folder


@pytest.mark.parametrize("where", ["first/trained/trial-{first}", "first/trained/trial-{last}", "trained/first-{last}"])
def test_a_full_training_goes_before_also_in_a_folder_of_another_of_its_numbers(run: Run, where: str) -> None:
    (candidate,) = run.candidates()
    name, other, _ = of_the_search(run)
    results = run.folder.parent
    folder = save(run, candidate.trial, results / where.format(first=candidate.trial, last=candidate.last_trial))
    for asked in (name, other):
        found = find_weights(asked, results=results)
        assert found.folder == folder and not found.is_brief
        assert found.told == f"{name} is the fully trained network in {folder}"


def test_a_folder_of_another_network_is_not_taken(run: Run) -> None:
    name, _, paused = of_the_search(run)
    save(run, int(paused.partition(":")[2]), run.folder.parent / "trained" / name.replace(":", "-"))
    assert find_weights(name, results=run.folder.parent).is_brief


def test_a_network_without_weights_says_how_to_get_them(run: Run) -> None:
    name, _, paused = of_the_search(run)
    results = run.folder.parent
    with pytest.raises(InputError) as raised:
        find_weights(paused, results=results)
    assert str(raised.value) == (
        f"{paused} has no weights (the search trained it for 2 of 4 steps); run nas train {paused} first."
    )
    shutil.rmtree(run.folder / "candidates")
    with pytest.raises(InputError) as raised:
        find_weights(name, results=results)
    assert str(raised.value) == f"{name} has no weights (the search's were removed); run nas train {name} first."


def test_a_paused_network_has_the_weights_with_which_it_was_paused(begin: Begin) -> None:
    run, data = begin(rungs=None, steps=9, trials=4)
    work(run, data)
    network = run.snapshot().paused[0]
    name = run.snapshot().label(network.trial).replace("dots/", "first:dots/")
    found = find_weights(name, results=run.folder.parent)
    steps = network.steps
    assert found.told.endswith(
        f" was trained for {steps} of 9 steps, by the search; nas train {found.name} trains it fully"
    )
    model = load_model(found.folder)
    measured = measure(model.network, data.validation, crop=run.settings.recipe.validation_crop)
    assert measured.psnr == pytest.approx(network.figures["psnr"], abs=1e-4)
    assert (model.metrics["psnr"], model.metrics["steps"]) == (network.figures["psnr"], steps)


def test_a_published_network_of_a_run_has_its_name_there_too(begin: Begin) -> None:
    run, data = begin(trials=1)
    work(run, data)
    (candidate,) = run.candidates()
    named = resolve("first:dots/Dots-A", results=run.folder.parent)
    assert (named.label, named.architecture) == (f"first:{candidate.trial}", candidate.architecture)
    assert find_weights("first:dots/Dots-A", results=run.folder.parent).folder == run.candidate_folder(candidate.trial)
    with pytest.raises(InputError, match=r"The run 'first' has no published network 'dots/Dots-X'\."):
        resolve("first:dots/Dots-X", results=run.folder.parent)


def test_a_trial_is_trained_on_the_images_of_its_run_into_the_folder_of_its_first_number(
    run: Run, tmp_path: Path
) -> None:
    name, other, _ = of_the_search(run)
    job = plan_training([other], CPU, recipe=write_recipe(tmp_path), results=run.folder.parent)
    assert list(job.architectures) == [name.replace(":", "-")]
    assert job.data.fingerprint == run.settings.data_fingerprint and not job.data.synthetic
    begun = job.folder / other.replace(":", "-")  # as an earlier version named it
    claim(begun, Training(next(iter(job.architectures.values())), job.data, job.recipe))
    again = plan_training([name], CPU, recipe=write_recipe(tmp_path), results=run.folder.parent)
    assert list(again.architectures) == [begun.name]
