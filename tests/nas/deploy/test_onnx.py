import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from nas.deploy.onnx import TOLERANCE, check_onnx, to_onnx, tolerance
from nas.errors import InputError, RunError
from nas.model import Model
from search_spaces import SPACES, Choices

ODD_SIZES = ((48, 64), (33, 47), (7, 5))


@pytest.mark.parametrize(
    ("name", "scale", "choices"),
    [
        ("falsr/FALSR-B", 2, {"image_skip": False}),
        ("moremnas/MoreMNAS-C", 3, {"image_skip": True}),
        ("hybrid/SESR-M11-like", 2, {"image_skip": "bicubic", "input": "sharpened"}),
    ],
)
def test_onnx_runtime_computes_the_same_at_any_size(
    make_model: Callable[..., Model], tmp_path: Path, name: str, scale: int, choices: Choices
) -> None:
    model = make_model(name, scale, **choices)
    to_onnx(model.network, model.architecture, tmp_path / "model.onnx")
    assert check_onnx(tmp_path / "model.onnx", model.network, ODD_SIZES) < 1e-5


def test_one_file_says_what_it_is(
    make_model: Callable[..., Model], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model, path = make_model("moremnas/MoreMNAS-C", 4, image_skip=True), tmp_path / "model.onnx"
    capfd.readouterr()
    to_onnx(model.network, model.architecture, path)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == [path]
    onnx.checker.check_model(path, full_check=True)
    assert [o.version for o in onnx.load(path).opset_import] == [18]
    assert str(Path(torch.__file__).parent).encode() not in path.read_bytes()

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("lr", [1, 1, "height", "width"])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("sr", [1, 1, "4*height", "4*width"])]
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["architecture"] == model.architecture.to_yaml()
    assert {name: metadata[name] for name in ("scale", "channels", "range", "fingerprint")} == {
        "scale": "4",
        "channels": "1",
        "range": "0..1",
        "fingerprint": model.architecture.fingerprint,
    }

    assert check_onnx(path, model.network, ODD_SIZES) < 1e-5
    with torch.no_grad():
        next(model.network.parameters())[0, 0, 1, 1] += 0.5
    assert check_onnx(path, model.network) > 1e-3, "another network must be told apart"


class Chaotic(nn.Module):
    """Makes much of the last bit of its input."""

    def __init__(self, much: float) -> None:
        super().__init__()
        self.much = nn.Parameter(torch.tensor(much))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return 0.5 + 0.5 * torch.sin(self.much * (image + 1 / 3))


@pytest.mark.parametrize(("much", "least", "most"), [(1.0, 1e-4, 1e-4), (3e3, 1.1e-4, 3e-3), (1e6, 0.01, 0.01)])
def test_two_computations_may_differ_by_as_much_as_float32_rounds_within_bounds(
    much: float, least: float, most: float
) -> None:
    assert least <= tolerance(Chaotic(much), 1) <= most


def test_attention_without_a_scale_rounds_more_than_a_convolution() -> None:
    def of(name: str) -> float:
        torch.manual_seed(0)
        return tolerance(SPACES.get(name).build(SPACES.get(name).smallest, 2, 1), 1)

    assert of("falsr") == TOLERANCE < of("elan") < 0.01


def test_a_file_that_is_not_onnx_is_refused(make_model: Callable[..., Model], tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(np.random.default_rng(0).bytes(1000))
    with pytest.raises(RunError, match=r"can't run .*model\.onnx"):
        check_onnx(tmp_path / "model.onnx", make_model("moremnas/MoreMNAS-C").network)


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_without_a_package_the_message_says_how_to_install_it(
    make_model: Callable[..., Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    model = make_model("moremnas/MoreMNAS-C")
    real = importlib.import_module

    def without(name: str, package: str | None = None) -> object:
        if name == missing:
            raise ModuleNotFoundError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(InputError, match=rf"{missing} is missing: pip install -c constraints\.txt -e \."):
        to_onnx(model.network, model.architecture, tmp_path / "model.onnx")
