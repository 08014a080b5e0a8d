from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from nas.deploy.form import Form
from nas.deploy.graph import counted, operators
from nas.deploy.int8_loss import Int8Loss
from nas.deploy.onnx import Session
from nas.deploy.target import load_target
from nas.errors import InputError, RunError
from nas.jobs.exporting import Wanted, check_loss, export, parse_loss
from nas.model import Model

LOSS = Int8Loss(30, 36.89, 36.82, 0.9309, 0.9301)


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("hybrid/Plain-C32M3", image_skip="bicubic", input="sharpened")


@pytest.mark.parametrize("form", [Form(lr=(48, 40)), Form(lr=(40, 33), bits=8)], ids=["values", "integers"])
def test_int8_is_calibrated_and_measured_on_the_users_images(
    model: Model, tiny_data: Path, tmp_path: Path, form: Form
) -> None:
    done = export(model, tmp_path / "out", form, Wanted("residual", tiny_data), tmp_path / "results")
    assert done.int8.images > 0
    assert abs(done.int8.psnr) < 1
    assert done.int8.float_psnr > 20
    path = done.folder / "model_int8.onnx"
    assert path in done.files
    kinds = counted(operators(onnx.load(path)))
    assert kinds["Conv"] == counted(operators(onnx.load(done.folder / "model.onnx")))["Conv"]
    assert kinds["QuantizeLinear"] > 0


def test_the_image_path_stays_exact_unless_all_is_quantised(
    make_model: Callable[..., Model], tiny_data: Path, tmp_path: Path
) -> None:
    """An untrained network is the interpolation alone: a ramp of 14 bits passes it, but not 8 bits of activations."""
    model = make_model("hybrid/Plain-C32M3", image_skip="bicubic")
    for parameter in model.network.network.tail.parameters():
        parameter.data.zero_()
    ramp = (np.arange(48 * 40, dtype=np.float32).reshape(1, 1, 40, 48) % 1600) / 1600
    errors = {}
    for kind in ("residual", "full"):
        done = export(model, tmp_path / kind, Form(lr=(48, 40)), Wanted(kind, tiny_data), tmp_path / "results")
        plain, int8 = (Session(done.folder / name)(ramp) for name in ("model.onnx", "model_int8.onnx"))
        errors[kind] = np.abs(plain - int8).max()
    assert errors["residual"] < 1e-3 < errors["full"]


def test_a_chip_gets_a_script_for_its_compiler_and_calibration_inputs(
    model: Model, tiny_data: Path, tmp_path: Path
) -> None:
    form = Form.of(load_target("rv1106"), lr=(48, 40))
    done = export(model, tmp_path / "out", form, Wanted(None, tiny_data), tmp_path / "results")
    assert done.int8 is None
    script = (done.folder / "convert.py").read_text()
    assert 'PLATFORM = "rv1106"' in script
    compile(script, "convert.py", "exec")
    inputs = [np.load(path) for path in sorted((done.folder / "calibration").iterdir())]
    assert len(inputs) == 4  # as many as training images
    assert all(image.shape == (1, 1, 40, 48) and image.dtype == np.float32 for image in inputs)
    assert {path for path in done.folder.rglob("*") if path.is_file()} == set(done.files)


def test_a_file_for_any_size_needs_large_images_to_calibrate(model: Model, tiny_data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="96 x 96 LR pixels to calibrate int8; give --lr"):
        export(model, tmp_path / "out", Form(), Wanted("full", tiny_data), tmp_path / "results")
    assert not (tmp_path / "out").exists()


def test_int8_without_images_asks_for_them() -> None:
    assert Wanted.of(None, None) is None
    assert Wanted.of(None, "images").kind is None
    with pytest.raises(InputError, match="give --data DIR"):
        Wanted.of("residual", None)
    with pytest.raises(InputError, match="residual or full, not 'half'"):
        Wanted.of("half", "images")


def test_a_loss_beyond_what_is_accepted_fails() -> None:
    assert parse_loss("0.1dB", "full") == 0.1
    assert parse_loss("1 dB", "residual") == 1
    check_loss(LOSS, 0.1)
    with pytest.raises(RunError, match=r"Int8 costs 0.070 dB, more than the accepted 0.05 dB"):
        check_loss(LOSS, 0.05)
    with pytest.raises(InputError, match=r"write it as 0.1dB"):
        parse_loss("little", "full")
    with pytest.raises(InputError, match="give --int8 residual"):
        parse_loss("0.1dB", None)
    assert "0.070 dB on 30 validation images: PSNR 36.89 → 36.82 dB" in LOSS.in_words
