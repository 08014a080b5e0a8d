import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nas.convert.third_party import _torchvision_stub, _torchvision_works, load_third_party
from nas.errors import InputError

with_spandrel = pytest.mark.skipif(not importlib.util.find_spec("spandrel"), reason="spandrel is not installed")


def compact(channels: int = 3, scale: int = 2) -> nn.Module:
    """A tiny network of the architecture that Real-ESRGAN has for video."""
    with _torchvision_stub():
        architectures = importlib.import_module("spandrel.architectures.Compact")
    torch.manual_seed(0)
    network: nn.Module = architectures.Compact(
        num_in_ch=channels, num_out_ch=channels, num_feat=8, num_conv=2, upscale=scale
    )
    return network.eval()


@with_spandrel
@pytest.mark.parametrize("scale", [2, 4])
def test_a_colour_network_sees_gray_in_each_channel_and_its_mean_counts(scale: int, tmp_path: Path) -> None:
    network = compact(scale=scale)
    torch.save({"params_ema": network.state_dict()}, tmp_path / "theirs.pth")
    found = load_third_party(tmp_path / "theirs.pth")
    assert (found.scale, found.channels, found.architecture) == (scale, 3, "RealESRGAN Compact")
    assert found.describe() == (
        f"RealESRGAN Compact x{scale}, gray in each of three channels and the mean of its output"
    )
    lr = torch.rand(2, 1, 9, 12)
    expected = network(lr.repeat(1, 3, 1, 1)).clamp(0, 1).mean(1, keepdim=True)
    torch.testing.assert_close(found.network(lr), expected.detach())


@with_spandrel
def test_a_network_of_one_channel_is_used_as_it_is(tmp_path: Path) -> None:
    network = compact(channels=1)
    save_file(network.state_dict(), tmp_path / "theirs.safetensors")
    found = load_third_party(tmp_path / "theirs.safetensors")
    assert found.describe() == "RealESRGAN Compact x2"
    lr = torch.rand(1, 1, 9, 12)
    torch.testing.assert_close(found.network(lr), network(lr).clamp(0, 1).detach())


@with_spandrel
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
def test_images_of_any_size_are_taken(tmp_path: Path) -> None:
    with _torchvision_stub():
        swinir = importlib.import_module("spandrel.architectures.SwinIR")
    arguments = {"img_size": 16, "window_size": 8, "depths": [2], "embed_dim": 12, "num_heads": [2], "mlp_ratio": 2}
    network = swinir.SwinIR(upscale=2, img_range=1.0, upsampler="pixelshuffledirect", **arguments)
    torch.save(network.state_dict(), tmp_path / "theirs.pth")
    found = load_third_party(tmp_path / "theirs.pth")
    assert found.architecture == "SwinIR"
    assert found.network(torch.rand(1, 1, 13, 19)).shape == (1, 1, 26, 38)


@with_spandrel
def test_a_student_can_learn_from_it(tmp_path: Path) -> None:
    torch.save(compact().state_dict(), tmp_path / "theirs.pth")
    teacher = load_third_party(tmp_path / "theirs.pth").network
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    student = nn.Conv2d(1, 1, 3, padding=1)
    target = teacher(torch.rand(1, 1, 8, 8))
    (student(target) - target).abs().mean().backward()
    assert student.weight.grad is not None and student.weight.grad.abs().sum() > 0


@with_spandrel
def test_what_is_no_known_network_is_refused(tmp_path: Path) -> None:
    torch.save({"head.weight": torch.zeros(4, 1, 3, 3)}, tmp_path / "theirs.pth")
    with pytest.raises(InputError, match=r"theirs\.pth is of no architecture that spandrel \d"):
        load_third_party(tmp_path / "theirs.pth")
    torch.save(compact().state_dict() | {"body.1.weight": torch.zeros(3, 3)}, tmp_path / "theirs.pth")
    with pytest.raises(InputError, match=r"theirs\.pth can't be read by spandrel: "):
        load_third_party(tmp_path / "theirs.pth")


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no checkpoint '.*gone\.pth'"):
        load_third_party(tmp_path / "gone.pth")


def test_without_spandrel_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "theirs.pth")
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"isn't installed: pip install -c constraints\.txt -e '\.\[spandrel\]'"):
        load_third_party(tmp_path / "theirs.pth")


def test_a_torchvision_that_does_not_fit_torch_is_told_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It fails as one does that was compiled for another torch.
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text('raise RuntimeError("operator torchvision::nms is missing")')
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    assert not _torchvision_works()
    with _torchvision_stub():
        stub = importlib.import_module("torchvision.transforms.functional")
        assert hasattr(stub, "InterpolationMode")
    assert not any(name.startswith("torchvision") for name in sys.modules)


def test_a_torchvision_that_was_imported_stays_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    known = ModuleType("torchvision")
    monkeypatch.setitem(sys.modules, "torchvision", known)
    with _torchvision_stub():
        assert sys.modules["torchvision"] is not known
    assert sys.modules["torchvision"] is known
