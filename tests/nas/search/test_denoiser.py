"""A search behind a denoiser, and one for a denoiser."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from searches import CPU, RECIPE, Begin, work

from nas.errors import InputError
from nas.jobs.training_plan import plan_training
from nas.search.run import open_run, open_run_data


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., str]:
    def write(**fields: object) -> str:
        path = tmp_path / "noisy.yaml"
        lines = [f"{name}: {value}\n" for name, value in {"degradation": "noise", **fields}.items()]
        path.write_text(RECIPE.format(steps=4) + "".join(lines))
        return str(path)

    return write


def test_a_run_does_not_go_on_behind_another_denoiser(
    begin: Begin, recipe: Callable[..., str], make_denoiser: Callable[..., Path], tmp_path: Path
) -> None:
    asked = {"recipe": recipe(denoiser=make_denoiser("d"))}
    run, data = begin(**asked)
    assert run.protocol.denoiser == data.validation.denoiser is not None
    begin(**asked)
    assert open_run_data(open_run("first", results=tmp_path / "results")).validation.denoiser == run.protocol.denoiser
    make_denoiser("d", seed=1)
    with pytest.raises(InputError, match="has other weights than when the run 'first' began"):
        begin(**asked)
    with pytest.raises(InputError, match="has other weights than when the run 'first' began"):
        open_run_data(open_run("first", results=tmp_path / "results"))


def test_denoisers_are_searched_at_scale_one(
    begin: Begin, recipe: Callable[..., str], make_denoiser: Callable[..., Path]
) -> None:
    make_denoiser()  # so that the space is there
    with pytest.raises(InputError, match="At scale 1 the degradation 'bicubic' changes nothing"):
        begin(space="smoothing", scale=1)
    run, data = begin(space="smoothing", scale=1, recipe=recipe(), trials=2)
    _, listener = work(run, data)
    assert all("over input" in line for line in listener.lines)
    assert len(run.candidates()) == 2


def test_training_a_front_by_a_recipe_for_other_images_is_noted(
    begin: Begin, recipe: Callable[..., str], make_denoiser: Callable[..., Path], tmp_path: Path
) -> None:
    run, data = begin(recipe=recipe(denoiser=make_denoiser("d")), trials=1)
    work(run, data)
    made = {"top": 1, "results": tmp_path / "results"}
    with pytest.warns(UserWarning, match=r"made by 'noise' and denoised by .*d, but the recipe 'tiny' is for 'noise'$"):
        plan_training(["first"], CPU, recipe=recipe(), **made)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the search was")
        plan_training(["first"], CPU, recipe=recipe(denoiser=tmp_path / "d"), **made)
