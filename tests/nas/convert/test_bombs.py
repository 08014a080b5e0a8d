"""Small files that stand for gigabytes are refused in one sentence, before any memory is taken."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from nas.convert.graph_function import evaluate
from nas.convert.tensorflow_graph import Node, read_graph
from nas.errors import InputError

from .graphs import Graph, integer, message

READS = """
import resource, sys
from pathlib import Path
import nas.convert.importing
from nas.convert.tensorflow_graph import read_graph
from nas.errors import InputError
from nas.weights import read_state
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in map(Path, sys.argv[1:]):
    try:
        read_graph(path) if path.suffix == ".pb" else read_state(path)
        print("read")
    except InputError as error:
        assert len(str(error)) < 400, error
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""

ALLOWED_MEBIBYTES = 150


def constant(*sides: int, values: bytes = b"") -> bytes:
    """Return a graph of one constant that says its sides."""
    shape = message(2, b"".join(message(2, integer(1, side)) for side in sides))
    value = message(5, message(1, "value") + message(2, message(8, integer(1, 1) + shape + values)))
    return message(1, message(1, "a") + message(2, "Const") + value)


def saved(content: object, *, legacy: bool = False) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    return file.getvalue()


def repacked(content: bytes, compression: int, *, zeros: int = 0) -> bytes:
    """Return a checkpoint as another archive, with an entry of many zeros."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("archive/data/1", bytes(zeros))
    return file.getvalue()


def safetensors(begin: int, end: int, length: int | None = None) -> bytes:
    header = json.dumps({"a": {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}}).encode()
    return (len(header) if length is None else length).to_bytes(8, "little") + header + bytes(16)


STATE = {"a": torch.zeros(1000)}
CLAIM, MORE = b"M\xe8\x03", b"\x8a\x05\x00\x00\x00\x80\x02"
"""How a pickle writes 1,000, and 10,737,418,240 (40 GiB of float32)."""


def test_no_file_takes_more_memory_than_it_has(tmp_path: Path) -> None:
    zeros = repacked(saved(STATE), zipfile.ZIP_DEFLATED, zeros=400_000_000)
    files = {
        "one-value.pb": (constant(20_000_000_000, values=message(5, bytes(4))), "would take more than 2 GiB"),
        "no-value.pb": (constant(100_000, 100_000), "would take more than 2 GiB"),
        "many.pb": (constant(200_000_000) * 40, "would take more than 2 GiB"),
        "negative.pb": (constant(-5, 3), "is not a frozen TensorFlow graph"),
        "huge.pb": (constant(1 << 62, 1 << 62), "would take more than 2 GiB"),
        "number.pb": (b"\x80" * 1_000_000, "is not a frozen TensorFlow graph"),
        "packed.pth": (zeros, "its entries are larger than the file"),
        "claims.pth": (saved(STATE, legacy=True).replace(CLAIM, MORE), "is not a PyTorch checkpoint"),
        "expanded.pth": (saved({"a": torch.zeros(1).expand(1 << 40)}), "'a' claims more values than it has"),
        "header.safetensors": (safetensors(0, 1 << 40), "is not a safetensors file"),
        "length.safetensors": (safetensors(0, 16, 1 << 40), "is not a safetensors file"),
    }
    for name, (content, _) in files.items():
        (tmp_path / name).write_bytes(content)
    assert max((tmp_path / name).stat().st_size for name in files) < 2_000_000
    command = [sys.executable, "-c", READS, *(str(tmp_path / name) for name in files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *told, mebibytes = done.stdout.splitlines()
    for (name, (_, sentence)), line in zip(files.items(), told, strict=True):
        assert name in line and sentence in line, line
    assert int(mebibytes) < ALLOWED_MEBIBYTES


def test_the_limit_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pb"
    path.write_bytes(constant(1000, values=message(5, bytes(4))))
    assert read_graph(path)["a"].attributes["value"].shape == (1000,)
    monkeypatch.setenv("NAS_MAX_WEIGHTS_GIB", "0.000003")
    with pytest.raises(InputError, match="more than 3e-06 GiB of memory; set NAS_MAX_WEIGHTS_GIB to allow more"):
        read_graph(path)
    for wrong in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv("NAS_MAX_WEIGHTS_GIB", wrong)
        with pytest.raises(InputError, match=f"^NAS_MAX_WEIGHTS_GIB must be a number of GiB above 0, not '{wrong}'"):
            read_graph(path)


def test_an_archive_that_stores_its_entries_is_read_whoever_wrote_it(tmp_path: Path) -> None:
    from nas.weights import read_state

    (tmp_path / "a.pth").write_bytes(repacked(saved(STATE), zipfile.ZIP_STORED))
    assert torch.equal(read_state(tmp_path / "a.pth")["a"], STATE["a"])


def run(graph: Graph, output: str, path: Path) -> torch.Tensor:
    nodes: dict[str, Node] = read_graph(graph.file(path))
    return evaluate(nodes, output, {"image": torch.rand(1, 1, 14, 11)})


def test_a_graph_that_doubles_a_tensor_is_not_run_to_its_end(tmp_path: Path) -> None:
    graph = Graph()
    last = graph.node("image", "Placeholder")
    axis = graph.constant("axis", 3)
    for level in range(60):
        last = graph.node(f"level{level}", "ConcatV2", last, last, axis)
    with pytest.raises(InputError, match="far larger than those of a network of cells"):
        run(graph, last, tmp_path / "graph.pb")


@pytest.mark.parametrize("inputs", [("gone",), ("image", "image:7"), ("image",), ("last", "image")])
def test_a_graph_whose_inputs_are_not_there_is_refused(inputs: tuple[str, ...], tmp_path: Path) -> None:
    graph = Graph()
    graph.node("image", "Placeholder")
    graph.node("last", "Add", *inputs)
    with pytest.raises(InputError, match="The graph can't be run: the inputs of an operation don't fit it"):
        run(graph, "last", tmp_path / "graph.pb")
