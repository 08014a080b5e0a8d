import os
import shlex
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import nas.deploy.latency_runtime as latency_runtime
from nas.deploy.latency_runtime import DeviceCommand, OnnxRuntimeCpu, runtime
from nas.errors import InputError, RunError

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.fixture(scope="module")
def convolution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one 3x3 convolution to 32 channels, for any size."""
    weight = np.random.default_rng(0).normal(size=(32, 1, 3, 3)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Conv", ["lr", "weight"], ["sr"], pads=[1, 1, 1, 1])],
        "convolution",
        [onnx.helper.make_tensor_value_info("lr", onnx.TensorProto.FLOAT, [1, 1, "h", "w"])],
        [onnx.helper.make_tensor_value_info("sr", onnx.TensorProto.FLOAT, [1, 32, "h", "w"])],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    path = tmp_path_factory.mktemp("onnx") / "convolution.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.fixture
def device(tmp_path: Path) -> "Device":
    return Device(tmp_path)


class Device:
    """Writes a script that stands for a user's device, and gives the command that runs it."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "bench.py"

    def command(self, body: str, words: str = "{model} {height} {width}") -> DeviceCommand:
        self.script.write_text(f"import sys\n{body}\n")
        return DeviceCommand(f"{shlex.quote(sys.executable)} {shlex.quote(str(self.script))} {words}")


def test_a_larger_image_takes_longer(convolution: Path) -> None:
    cpu = OnnxRuntimeCpu()
    assert 0 < 4 * cpu.ms(convolution, (1, 1, 24, 32)) < cpu.ms(convolution, (1, 1, 192, 256))


def test_threads_are_pinned_for_the_measurement_alone(convolution: Path) -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system doesn't let programs choose cores")
    before = os.sched_getaffinity(0)
    with latency_runtime._pinned(1):
        assert len(os.sched_getaffinity(0)) == 1
    assert OnnxRuntimeCpu(CORES).ms(convolution, (1, 1, 24, 32)) > 0
    assert os.sched_getaffinity(0) == before


def test_the_name_says_all_that_changes_a_time() -> None:
    name = OnnxRuntimeCpu().name
    assert onnxruntime.__version__ in name and name.endswith(", 1 thread")
    assert DeviceCommand("bench {model}").name == "bench {model}"
    assert runtime("bench {model}") == DeviceCommand("bench {model}")
    assert runtime(None, 1) == OnnxRuntimeCpu(1)


@pytest.mark.parametrize("threads", [0, CORES + 1])
def test_more_threads_than_cores_are_refused(threads: int) -> None:
    with pytest.raises(InputError, match=f"with 1 to {CORES} threads here, not {threads}"):
        OnnxRuntimeCpu(threads)


def test_a_file_that_does_not_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"can't run .*broken\.onnx"):
        OnnxRuntimeCpu().ms(tmp_path / "broken.onnx", (1, 1, 8, 8))


def test_a_command_is_given_the_file_and_the_size_and_its_last_number_counts(device: Device) -> None:
    bench = device.command("print('warm-up 99 ms'); print('median', len(sys.argv[1]), '+', sys.argv[2:], '1.25e1 ms')")
    assert bench.ms(Path("a.onnx"), (1, 1, 24, 32)) == 12.5
    bench = device.command("assert sys.argv[1:] == ['in=a b.onnx', '1x24x32', '{other}']; print(7)",
                           "in={model} {channels}x{height}x{width} {other}")  # fmt: skip
    assert bench.ms(Path("a b.onnx"), (1, 1, 24, 32)) == 7


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("print('connecting'); sys.exit('no route to camera')", "failed with exit code 1: no route to camera"),
        ("print('no model'); sys.exit(3)", "failed with exit code 3: no model"),
        ("print('done')", "must print milliseconds, but printed: done"),
        ("print(-1.5)", "must print milliseconds, but printed: -1.5"),
        ("pass", "must print milliseconds, but printed: nothing"),
    ],
)
def test_a_command_that_fails_ends_with_what_it_said_last(device: Device, body: str, why: str) -> None:
    with pytest.raises(RunError) as raised:
        device.command(body).ms(Path("a.onnx"), (1, 1, 24, 32))
    assert str(raised.value).endswith(why)


def test_a_command_that_never_ends_is_given_up(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_runtime, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(RunError, match=r"took over 0\.3 s"):
        device.command("import time; time.sleep(60)").ms(Path("a.onnx"), (1, 1, 24, 32))


@pytest.mark.parametrize(
    ("command", "why"),
    [("bench model.onnx", "has no {model}"), ("bench '{model}", "can't be read: No closing quotation")],
)
def test_a_command_that_can_not_be_is_refused_at_once(command: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        DeviceCommand(command)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="'no-such-bench' can't be started: No such file"):
        DeviceCommand("no-such-bench {model}").ms(Path("a.onnx"), (1, 1, 24, 32))
