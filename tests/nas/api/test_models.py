"""Trained models from Python: arrays go in and come out as files do with the command."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from command import run_nas

import nas
from nas.data.files.writing import write_frames
from nas.data.images import read_image, write_image


@pytest.fixture
def model(here: Path) -> nas.TrainedModel:
    return nas.load("camera")


def images(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, 40, 56)).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_array_becomes_what_the_command_makes_of_the_file(
    model: nas.TrainedModel, here: Path, dtype: type[np.generic]
) -> None:
    image = images()[0].astype(dtype) * (1 if dtype == np.uint8 else 200)
    write_image(here / "in.png", image)
    assert run_nas(here, "upscale", "camera", "in.png", "out.png").code == 0
    expected = read_image(here / "out.png")
    for given in (image, "in.png", here / "in.png"):
        found = model.upscale(given)
        assert found.dtype == dtype
        assert np.array_equal(found, expected)


def test_frames_are_upscaled_one_by_one(model: nas.TrainedModel, here: Path) -> None:
    frames = images()
    found = model.upscale(frames)
    assert found.shape == (3, 80, 112)
    assert np.array_equal(found[1], model.upscale(frames[1]))
    write_frames(here / "seq.tif", iter(frames), 3)
    assert np.array_equal(model.upscale("seq.tif"), found)


def test_tiles_leave_no_seam(model: nas.TrainedModel) -> None:
    image = np.random.default_rng(1).integers(0, 65536, (90, 70)).astype(np.uint16)
    whole, tiled = (model.upscale(image, tile=tile).astype(int) for tile in (256, 24))
    assert np.abs(whole - tiled).max() <= 1  # rounding of float32


def test_values_in_a_unit_keep_it(model: nas.TrainedModel) -> None:
    kelvin = images()[0].astype(np.float32) * 0.1 + 280
    found = model.upscale(kelvin, counts=(0.01, 0))
    assert found.dtype == np.float32
    assert 270 < found.mean() < 320
    assert np.array_equal(found, model.upscale(kelvin, counts="0.01,0"))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.zeros((8, 8), np.float32), "not float32; other numbers need counts="),
        (np.zeros((8, 8), bool), "not bool"),
        (np.zeros((8, 8), complex), "not complex128"),
        (np.zeros((0, 8), np.uint8), r"not \[0, 8\]"),
        (np.zeros((2, 2, 8, 8), np.uint8), r"not \[2, 2, 8, 8\]"),
        ("nowhere.png", "There is no file 'nowhere.png'"),
        ("tiny.yaml", "tiny.yaml"),
    ],
)
def test_what_is_no_image_is_refused(model: nas.TrainedModel, image: np.ndarray | str, sentence: str) -> None:
    with pytest.raises(nas.InputError, match=sentence):
        model.upscale(image)


def test_files_and_folders_are_upscaled_as_by_the_command(model: nas.TrainedModel, here: Path) -> None:
    told: list[nas.Event] = []
    paths = model.upscale_files("images/val", "large", callback=told.append)
    assert run_nas(here, "upscale", "camera", "images/val", "same").code == 0
    assert [read_image(path).tolist() for path in paths] == [
        read_image(here / "same" / path.name).tolist() for path in paths
    ]
    assert (told[-1].label, told[-1].done, told[-1].total) == ("upscaling", 2, 2)
    with pytest.raises(nas.InputError, match="exists"):
        model.upscale_files("images/val", "large")


def test_a_denoiser_comes_first(model: nas.TrainedModel, make_denoiser: Callable[..., Path]) -> None:
    denoiser, image = make_denoiser(is_told=True), images()[0]
    clean = nas.load(denoiser).upscale(image, noise=25)
    assert not np.array_equal(clean, image)
    assert np.array_equal(model.upscale(image, denoise=denoiser, noise=25), model.upscale(clean))
    assert np.array_equal(
        model.upscale(image, denoise=nas.load(denoiser)), model.upscale(nas.load(denoiser).upscale(image))
    )


def test_a_model_measures_itself_as_the_command_does(model: nas.TrainedModel, here: Path) -> None:
    measured = model.evaluate("images/val", metrics=["psnr", "ssim"], csv="rows.csv", pictures="crops")
    command = run_nas(here, "evaluate", "camera", "--data", "images/val", "--csv", "same.csv")
    assert command.code == 0
    assert (here / "rows.csv").read_text() == (here / "same.csv").read_text()
    assert (here / "crops" / "camera.png").is_file()
    assert f"{measured.means['camera']['psnr']:.3f}" in command.out
    assert "camera: PSNR " in repr(measured)


def test_bicubic_alone_is_measured(here: Path) -> None:
    measured = nas.evaluate("bicubic", "images/val", scale=4, metrics="psnr")
    assert list(measured.means) == ["bicubic"]
    assert measured.protocol.shave == 4


@pytest.mark.parametrize("option", ["csv", "pictures"])
def test_what_can_not_be_written_is_told_before_the_work(model: nas.TrainedModel, option: str) -> None:
    target = "images" if option == "csv" else "some.png"
    with pytest.raises(nas.InputError, match=f"{option} {target} can't be written"):
        model.evaluate("images/val", **{option: target})  # type: ignore[arg-type]


def test_a_callback_stops_a_measurement(model: nas.TrainedModel) -> None:
    with pytest.raises(nas.StoppedError, match="measuring"):
        model.evaluate("images/val", callback=lambda event: nas.STOP)


def test_what_a_model_knows_of_itself(model: nas.TrainedModel) -> None:
    assert model.metrics["psnr"] == 33.25
    assert model.recipe["name"] == "brief"
    assert repr(model) == "<TrainedModel of 'espcn', x2, 33.25 dB; camera>"
    with torch.no_grad():
        assert model.network(torch.zeros(1, 1, 8, 8)).shape == (1, 1, 16, 16)


def test_a_model_that_is_not_there_is_an_input_error(here: Path) -> None:
    for name in ("nowhere", "falsr/FALSR-A", "falsr/FALSR-Z", "first:99"):
        with pytest.raises(nas.InputError):
            nas.load(name)
