import pytest
import torch
from torch import nn
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.edsr import EdsrBlock
from search_spaces.layers.mean_shift import DIV2K_MEAN

SMALL = {"blocks": 2, "width": 16}


def small(name: str, scale: int = 2, channels: int = 1) -> Architecture:
    return Architecture.published(f"edsr/{name}", scale, channels).replaced(**SMALL)


def test_srgan_is_srresnet_with_another_recipe() -> None:
    assert Architecture.published("edsr/SRGAN") == Architecture.published("edsr/SRResNet")


def test_a_residual_block_adds_a_tenth_of_what_it_computes() -> None:
    block = EdsrBlock(8, "relu", 0.1, batch_norm=False)
    first, second = block.body[0], block.body[2]
    features = torch.randn(1, 8, 5, 5)
    inner = F.relu(F.conv2d(features, first.weight, first.bias, padding=1))
    expected = features + 0.1 * F.conv2d(inner, second.weight, second.bias, padding=1)
    assert torch.allclose(block(features), expected, atol=1e-6)


def test_edsr_sees_colours_in_0_255_less_their_mean() -> None:
    network = small("EDSR", channels=3).build()
    seen: list[torch.Tensor] = []
    network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    nn.init.zeros_(network.last.weight)
    nn.init.constant_(network.last.bias, 51.0)
    image = torch.rand(1, 3, 4, 4)
    mean = torch.tensor(DIV2K_MEAN).view(1, 3, 1, 1)
    output = network(image)
    assert torch.allclose(seen[0], 255 * (image - mean), atol=1e-4)
    assert torch.allclose(output, (0.2 + mean).expand_as(output), atol=1e-6)


def test_within_an_image_skip_neither_mean_nor_range_is_changed() -> None:
    network = small("EDSR", channels=3).replaced(image_skip=True).build().network
    image = torch.rand(1, 3, 4, 4)
    head = network.head(image)
    expected = network.last(network.upsample(head + network.merge(network.blocks(head))))
    assert torch.equal(network(image), expected)


def test_srresnet_normalises_every_convolution_of_the_body_and_no_other() -> None:
    network = small("SRResNet").build()
    norms = [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms == ["blocks.0.body.1", "blocks.0.body.4", "blocks.1.body.1", "blocks.1.body.4", "merge.1"]
    biased = [n for n, m in network.named_modules() if isinstance(m, nn.Conv2d) and m.bias is not None]
    assert biased == ["head.0", "upsample.0", "last"]
    assert network.head[0].kernel_size == network.last.kernel_size == (9, 9)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_edsrs_own_names_are_understood(scale: int) -> None:
    steps = (0, 2) if scale == 4 else (0,)
    convs = ["head.0", "body.2", "tail.1", *(f"body.{i}.body.{j}" for i in (0, 1) for j in (0, 2))]
    convs += [f"tail.0.{i}" for i in steps] + ["sub_mean", "add_mean"]
    theirs = {f"{name}.{kind}": torch.empty(0) for name in convs for kind in ("weight", "bias")}
    ours = small("EDSR", scale, 3).build().state_dict()
    assert SPACES.get("edsr").translate(theirs, scale, 3).keys() == ours.keys()


@pytest.mark.parametrize("numbered", ["conv{}", "conv_block{}"])
def test_the_names_of_a_port_of_srresnet_are_understood(numbered: str) -> None:
    head, merge, last = (numbered.format(i) for i in (1, 2, 3))
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = [f"{head}.0.weight", f"{head}.0.bias", f"{head}.1.weight", f"{last}.weight", f"{last}.bias"]
    names += [f"{merge}.0.weight", *(f"{merge}.1.{kind}" for kind in norm)]
    for block in ("trunk.0.rcb", "trunk.1.rcb"):
        names += [f"{block}.{i}.weight" for i in (0, 2, 3)]
        names += [f"{block}.{i}.{kind}" for i in (1, 4) for kind in norm]
    for step in ("upsampling.0.upsample_block", "upsampling.1.upsample_block"):
        names += [f"{step}.0.weight", f"{step}.0.bias", f"{step}.2.weight"]
    translated = SPACES.get("edsr").translate(dict.fromkeys(names, torch.empty(0)), 4, 3)
    assert translated.keys() == small("SRResNet", 4, 3).build().state_dict().keys()
