"""Denoise, then super-resolve: what a user types."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_images import write_tiny_data

from nas.data.images import read_image, write_image
from nas.data.synthetic import scene
from search_spaces import SPACES, Architecture

from .conftest import RECIPE, Outcome, run_nas


@pytest.fixture
def nas(tmp_path: Path) -> Callable[..., Outcome]:
    def nas(*arguments: object) -> Outcome:
        outcome = run_nas(tmp_path, *arguments)
        assert outcome.code == 0, outcome.errors
        return outcome

    return nas


def test_denoise_then_super_resolve(
    nas: Callable[..., Outcome], make_denoiser: Callable[..., Path], infrared: Path, tmp_path: Path
) -> None:
    write_tiny_data(infrared, tmp_path / "night")
    smallest = Architecture("moremnas", 2, 1, {**SPACES.get("moremnas").smallest, "image_skip": True})
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "mine.yaml").write_text(smallest.to_yaml())
    make_denoiser("told", is_told=True)

    # A denoiser ...
    trained = nas("train", "told/architecture.yaml", "--recipe", "denoise", "--steps", 3, "--data", "night")
    assert "input" in trained.out and "bicubic" not in trained.out
    (tmp_path / "results" / "trained" / "told").rename(tmp_path / "denoiser")
    assert "noise x1, gray, shave 1" in nas("evaluate", "denoiser", "--data", "night/val").out

    # ... a network behind it ...
    (tmp_path / "behind.yaml").write_text(RECIPE + "degradation: noise\ndenoiser: denoiser\n")
    assert "bicubic" in nas("train", "small/mine.yaml", "--recipe", "behind.yaml", "--data", "night").out
    model = "results/trained/mine"
    digest = json.loads((tmp_path / model / "metrics.json").read_text())["protocol"]["denoiser"]
    assert f"noise x2 denoised by {digest}, gray" in nas("evaluate", model, "--data", "night/val").out
    options = ("--data", "night/val", "--degradation", "bicubic", "--denoise", "told", "--json")
    protocol = json.loads(nas("evaluate", model, *options).out)["protocol"]
    assert protocol["degradation"] == "bicubic"
    assert protocol["denoiser"] != digest

    # ... and both on an image.
    write_image(tmp_path / "in.png", scene(0, 40, 50))
    note = nas("upscale", model, "in.png", "a.png").errors
    assert note == "Note: the model was trained on images denoised by denoiser; give --denoise denoiser\n"
    assert "Note" not in nas("upscale", model, "in.png", "b.png", "--denoise", "denoiser", "--noise", 25).errors
    assert read_image(tmp_path / "b.png").shape == (80, 100)
    nas("upscale", "denoiser", "in.png", "c.png", "--noise", 25)
    assert read_image(tmp_path / "c.png").shape == (40, 50)
    refused = run_nas(tmp_path, "upscale", model, "in.png", "d.png", "--denoise", model)
    assert (refused.code, refused.error) == (
        2,
        f"The denoiser '{model}' is a network of scale 2, but a denoiser has scale 1.",
    )
