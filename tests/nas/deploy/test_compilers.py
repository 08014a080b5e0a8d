"""Runs the compilers of chips on exports. Each lives in an environment of its own, whose Python a variable names:

NAS_RKNN_PYTHON=/path/to/rknn/bin/python pytest -m targets
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from nas.deploy.conversion import write_calibration
from nas.deploy.export import export
from nas.deploy.form import Form
from nas.deploy.target import load_target
from nas.model import Model

pytestmark = pytest.mark.targets

RKNN = os.environ.get("NAS_RKNN_PYTHON")


@pytest.mark.skipif(RKNN is None, reason="NAS_RKNN_PYTHON names no Python with RKNN-Toolkit2")
@pytest.mark.parametrize("chip", ["rk3588", "rv1106"])
@pytest.mark.parametrize("choices", [{"input": "sharpened"}, {"resolution": "half"}, {"upsampler": "separable"}])
def test_rknn_toolkit_builds_an_export_and_its_simulator_agrees(
    make_model: Callable[..., Model], tmp_path: Path, chip: str, choices: dict[str, str]
) -> None:
    model = make_model("hybrid/SESR-M11-like", image_skip="bicubic", **choices)
    for parameter in model.network.parameters():
        nn.init.normal_(parameter, std=0.05)  # the simulator computes in float16
    inputs = [np.random.default_rng(seed).random((1, 1, 96, 128), np.float32) for seed in range(4)]
    form = Form.of(load_target(chip), lr=(128, 96))
    done = export(model, tmp_path / "out", form, lambda folder: write_calibration(folder, inputs))
    for options, most in ((() if chip == "rk3588" else ("--int8",), 2e-3), (("--int8",), 3e-2)):
        ran = subprocess.run([RKNN, done.folder / "convert.py", *options], capture_output=True, text=True, cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found = re.search(r"differs by (\S+) \(root mean square\)", ran.stdout)
        assert found is not None
        assert float(found[1]) < (most if chip == "rk3588" else 3e-2)
