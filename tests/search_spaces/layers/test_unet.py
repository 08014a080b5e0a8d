import pytest
import torch
from torch.nn import functional as F

from search_spaces.layers.unet import ResidualUNet


@pytest.fixture
def unet() -> ResidualUNet:
    torch.manual_seed(0)
    return ResidualUNet(inputs=2, outputs=1, width=4, levels=4, blocks=1)


def test_a_level_has_twice_the_width_of_the_one_above(unet: ResidualUNet) -> None:
    assert [down[-1].out_channels for down in unet.down] == [8, 16, 32]
    assert [up[0].in_channels for up in unet.up] == [8, 16, 32]
    assert unet.body[0].body[0].in_channels == 32


def test_each_level_adds_what_it_skips() -> None:
    unet = ResidualUNet(inputs=2, outputs=1, width=4, levels=2, blocks=2)
    image = torch.rand(1, 2, 6, 8)
    with torch.no_grad():
        head = unet.head(image)
        low = unet.down[0](head)
        expected = unet.tail(head + unet.up[0](low + unet.body(low)))
        assert torch.allclose(unet(image), expected, atol=1e-6)


def test_without_biases_twice_the_input_is_twice_the_output(unet: ResidualUNet) -> None:
    image = torch.rand(1, 2, 16, 16)
    with torch.no_grad():
        assert torch.allclose(unet(2 * image), 2 * unet(image), atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (17, 8)])
def test_any_size_is_padded_by_its_border(unet: ResidualUNet, size: tuple[int, int]) -> None:
    image = torch.rand(1, 2, *size)
    height, width = size
    padded = F.pad(image, (0, -width % 8, 0, -height % 8), mode="replicate")
    with torch.no_grad():
        assert torch.equal(unet(image), unet(padded)[..., :height, :width])
