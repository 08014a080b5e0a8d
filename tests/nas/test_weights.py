import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.errors import InputError
from nas.weights import read_state, read_tensors, write_tensors

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"

STATE = {"head.weight": torch.arange(6.0).view(2, 3), "head.bias": torch.ones(2)}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"params": {}, "params_ema": STATE},
        {"params": STATE, "iter": 7},
        {"epoch": 3, "state_dict": STATE, "optimizer": {"state": {}, "lr": 1e-4}},
        {"model": {"state_dict": STATE}},
        {f"module.{name}": tensor for name, tensor in STATE.items()},
        {"state_dict": {f"module.{name}": tensor for name, tensor in STATE.items()}},
        {**STATE, "epochs": 7, "note": "more than tensors"},
    ],
)
def test_the_tensors_are_found_however_they_are_nested(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pth")
    state = read_state(tmp_path / "net.pth")
    assert {name: tensor.tolist() for name, tensor in state.items()} == {n: t.tolist() for n, t in STATE.items()}


def test_the_moving_average_counts_before_the_weights(tmp_path: Path) -> None:
    torch.save({"params": {"a": torch.zeros(1)}, "params_ema": {"a": torch.ones(1)}}, tmp_path / "net.pth")
    assert read_state(tmp_path / "net.pth")["a"] == 1


def test_a_module_prefix_that_only_some_names_have_is_part_of_them(tmp_path: Path) -> None:
    torch.save({"module.a": torch.zeros(1), "b": torch.ones(1)}, tmp_path / "net.pth")
    assert set(read_state(tmp_path / "net.pth")) == {"module.a", "b"}


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "net.safetensors")
    assert torch.equal(read_state(tmp_path / "net.safetensors")["head.weight"], STATE["head.weight"])


def test_a_folder_whose_name_is_no_utf8(tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"K\xe4lte") / "weights.safetensors"
    file.parent.mkdir()
    write_tensors(file, {"a": torch.arange(3.0)}, {"of": "mine"})
    tensors, metadata = read_tensors(file)
    assert torch.equal(tensors["a"], torch.arange(3.0)) and metadata == {"of": "mine"}
    assert [path.name for path in file.parent.iterdir()] == ["weights.safetensors"]


def test_a_pickled_module_is_not_executed(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(1, 1, 3), tmp_path / "net.pth")
    with pytest.raises(
        InputError, match=r"net\.pth is not a PyTorch checkpoint of only tensors; if it holds whole objects"
    ):
        read_state(tmp_path / "net.pth")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.pth", b"", r"net\.pth is empty; download or copy it again\.$"),
        ("net.safetensors", b"", r"net\.safetensors is empty"),
        ("net.pth", LFS, r"net\.pth is a pointer of Git LFS, not the weights; .*: git lfs pull\.$"),
        ("net.safetensors", LFS, r"net\.safetensors is a pointer of Git LFS"),
        ("net.pth", b"\n<!DOCTYPE html><html>", r"net\.pth is a web page, not weights; .* download the file itself\.$"),
        ("net.ckpt", b"<html><head>", r"net\.ckpt is a web page"),
        ("net.pth", b"some text", r"net\.pth is not a PyTorch checkpoint"),
        ("net.safetensors", b"some text", r"net\.safetensors is not a safetensors file"),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_state(tmp_path / name)


def test_a_folder_is_no_file_of_weights(tmp_path: Path) -> None:
    (tmp_path / "net.pth").mkdir()
    with pytest.raises(InputError, match=r"net\.pth is a folder, not a file of weights\.$"):
        read_state(tmp_path / "net.pth")


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    for content in ({"epoch": 3}, [torch.zeros(1)], {"state_dict": {}}):
        torch.save(content, tmp_path / "net.pth")
        with pytest.raises(InputError, match="holds no weights"):
            read_state(tmp_path / "net.pth")
