from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_images import to_tensor

from nas.data.images import read_image, to_pixels, write_image
from nas.data.synthetic import scene
from nas.deploy.denoising import as_denoiser, load_denoiser, load_stages
from nas.deploy.export import export
from nas.deploy.upscale import upscale_files
from nas.errors import InputError
from nas.model import Model, load_model

CPU = torch.device("cpu")
GRAY = scene(0, 61, 83)
DEEP = GRAY.astype(np.uint16) * 257 + np.arange(83, dtype=np.uint16)

Make = Callable[..., Model]
MakeDenoiser = Callable[..., Path]


@pytest.fixture
def model(make_model: Make) -> Model:
    return make_model("moremnas/MoreMNAS-C", image_skip=True)


# Which models are denoisers


def test_what_is_no_denoiser_is_refused(make_model: Make, make_denoiser: MakeDenoiser, tmp_path: Path) -> None:
    make_model("moremnas/MoreMNAS-C").save(tmp_path / "x2")
    for folder, reason in [
        (tmp_path / "gone", "is not a model directory"),
        (tmp_path / "x2", "is a network of scale 2, but a denoiser has scale 1"),
        (make_denoiser("colour", channels=3), "takes 3 channels, but images have one channel"),
    ]:
        with pytest.raises(InputError, match=f"The denoiser '{folder}' {reason}"):
            load_denoiser(folder)


@pytest.mark.parametrize("noise", [-1, 256, float("nan")])
def test_a_noise_level_is_one_of_grey_levels(make_denoiser: MakeDenoiser, noise: float) -> None:
    with pytest.raises(InputError, match="A noise level is 0 to 255 grey levels, not"):
        load_denoiser(make_denoiser(is_told=True), noise)


def test_only_a_network_that_takes_a_noise_level_is_given_one(
    make_model: Make, make_denoiser: MakeDenoiser, tmp_path: Path
) -> None:
    make_model("moremnas/MoreMNAS-C").save(tmp_path / "x2")
    blind = make_denoiser("blind")
    with pytest.raises(InputError, match=r"'.*blind' takes no noise level.*'smoothing'; leave out --noise"):
        load_denoiser(blind, 15)
    with pytest.raises(InputError, match=r"'.*x2' takes no noise level.*'moremnas'"):
        load_stages(tmp_path / "x2", None, 15)


def test_the_noise_level_is_the_denoisers_and_without_one_the_models(
    make_model: Make, make_denoiser: MakeDenoiser, tmp_path: Path
) -> None:
    make_model("moremnas/MoreMNAS-C").save(tmp_path / "x2")
    told = make_denoiser(is_told=True)
    assert load_stages(tmp_path / "x2", None, None)[1] is None
    for denoiser in (load_stages(tmp_path / "x2", told, 51)[1], load_stages(told, None, 51)[0]):
        assert denoiser is not None
        assert denoiser.network.noise == pytest.approx(0.2)
    assert load_denoiser(told).network.noise == pytest.approx(15 / 255)


# Images


@pytest.mark.parametrize("pixels", [GRAY, DEEP], ids=["8-bit", "16-bit"])
def test_a_denoiser_is_a_model_that_keeps_the_size(
    make_denoiser: MakeDenoiser, tmp_path: Path, pixels: np.ndarray
) -> None:
    denoiser = load_denoiser(make_denoiser())
    write_image(tmp_path / "in.png", pixels)
    upscale_files(denoiser, tmp_path / "in.png", tmp_path / "out.png", tile=16)
    expected = to_pixels(denoiser.network(to_tensor(pixels)), pixels.dtype)
    assert np.array_equal(read_image(tmp_path / "out.png"), expected)
    assert not np.array_equal(expected, pixels)


@pytest.mark.parametrize("pixels", [GRAY, DEEP], ids=["8-bit", "16-bit"])
def test_denoising_first_is_as_denoising_into_a_file_between(
    model: Model, make_denoiser: MakeDenoiser, tmp_path: Path, pixels: np.ndarray
) -> None:
    denoiser = load_denoiser(make_denoiser(is_told=True), 40)
    source, clean = tmp_path / "in.png", tmp_path / "clean.png"
    write_image(source, pixels)
    upscale_files(denoiser, source, clean)
    upscale_files(model, clean, tmp_path / "two.png")
    upscale_files(model, source, tmp_path / "one.png", denoiser=denoiser, tile=32)
    one, two = (read_image(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert one.shape == (122, 166)
    assert np.array_equal(one, two)


def test_each_noise_level_gives_another_image(make_denoiser: MakeDenoiser, tmp_path: Path) -> None:
    folder = make_denoiser(is_told=True)
    write_image(tmp_path / "in.png", GRAY)
    results = []
    for noise in (None, 15, 30):
        upscale_files(load_denoiser(folder, noise), tmp_path / "in.png", tmp_path / "o.png", overwrite=True)
        results.append(read_image(tmp_path / "o.png"))
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[1], results[2])


def test_a_model_that_was_trained_behind_a_denoiser_reminds_of_it(
    model: Model, make_denoiser: MakeDenoiser, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    behind = Model(model.architecture, model.network, {**model.recipe, "denoiser": "my/denoiser"}, {})
    write_image(tmp_path / "in.png", GRAY)
    upscale_files(model, tmp_path / "in.png", tmp_path / "a.png")
    upscale_files(behind, tmp_path / "in.png", tmp_path / "b.png", denoiser=load_denoiser(make_denoiser()))
    assert not recwarn.list
    with pytest.warns(UserWarning, match="was trained on images denoised by my/denoiser; give --denoise my/denoiser"):
        upscale_files(behind, tmp_path / "in.png", tmp_path / "c.png")


def test_an_image_too_small_for_the_denoiser_is_named(
    model: Model, make_denoiser: MakeDenoiser, tmp_path: Path
) -> None:
    write_image(tmp_path / "in.png", GRAY[:1])
    with pytest.raises(InputError, match=r"in\.png has 83x1 pixels, but .* 'smoothing' needs at least 2 a side"):
        upscale_files(model, tmp_path / "in.png", tmp_path / "o.png", denoiser=load_denoiser(make_denoiser()))


def test_a_denoiser_is_exported(make_denoiser: MakeDenoiser, tmp_path: Path) -> None:
    done = export(load_model(make_denoiser(is_told=True)), tmp_path / "exported")
    assert done.onnx_difference < 1e-5
    assert load_denoiser(tmp_path / "exported", 30).architecture.scale == 1


# For data sets


def test_data_sets_get_what_upscaling_gives(make_denoiser: MakeDenoiser, tmp_path: Path) -> None:
    folder = make_denoiser()
    denoiser = as_denoiser(str(folder), CPU)
    assert denoiser is not None
    write_image(tmp_path / "in.png", GRAY)
    upscale_files(load_denoiser(folder), tmp_path / "in.png", tmp_path / "out.png")
    assert np.array_equal(denoiser.run(GRAY), read_image(tmp_path / "out.png"))
    assert as_denoiser(None, CPU) is None


def test_a_denoiser_is_told_by_its_weights(make_denoiser: MakeDenoiser) -> None:
    folders = [make_denoiser("a"), make_denoiser("b"), make_denoiser("c", seed=1), make_denoiser("d", is_told=True)]
    digests = [denoiser.digest for folder in folders if (denoiser := as_denoiser(str(folder), CPU))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
