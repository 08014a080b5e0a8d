import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("killed_trainings.py")
KILLS = 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs fork and SIGKILL")
def test_a_training_that_is_killed_again_and_again_ends_bit_identically(tiny_data: Path, tmp_path: Path) -> None:
    arguments = [tiny_data, tmp_path, 0.9, "float32", KILLS]
    done = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(-signal.SIGKILL)] * KILLS
    straight, killed = (load_file(tmp_path / f"{name}.safetensors") for name in ("straight", "killed"))
    assert straight.keys() == killed.keys()
    assert all(torch.equal(straight[name], killed[name]) for name in straight)
