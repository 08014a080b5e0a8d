"""One-channel forms against the mean colour of what the colour network makes of (g, g, g)."""

import copy

import pytest
import torch
from torch import Tensor, nn

from nas.convert.gray import to_gray
from nas.errors import InputError
from search_spaces import SPACES, Architecture
from search_spaces.layers.mean_shift import DIV2K_MEAN, MeanShift

POINTS = [
    ("espcn/ESPCN", 3),  # pixel shuffle
    ("fsrcnn/FSRCNN", 2),  # a transposed convolution writes the image
    ("vdsr/VDSR", 2),  # works on the enlarged image, with its own skip
    ("ecbsr/M4C8", 2),  # branches at both ends, copies of the image before the shuffle
    ("bsrn/BSRN-S", 4),  # reads the image four times over
    ("pan/PAN", 2),  # its own bilinear skip
    ("moremnas/MoreMNAS-C", 2),
    ("imdn/IMDN-RTC", 4),
    ("ffdnet/FFDNet-colour", 1),  # a pixel unshuffle, and a plane beside the colours
]


def colour(point: str, scale: int = 2) -> tuple[nn.Module, Architecture]:
    """A point in three channels in which nothing is zero or the same for all colours."""
    architecture = Architecture.published(point, scale, 3)
    torch.manual_seed(0)
    network = architecture.build().eval()
    for parameter in network.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return network, architecture


def smooth(side: int = 23) -> Tensor:
    waves = torch.linspace(0, 7, side)
    return (0.5 + 0.4 * torch.sin(waves)[:, None] * torch.cos(1.3 * waves))[None, None]


def mean_colour(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        return network(image.repeat(1, 3, 1, 1)).mean(dim=1, keepdim=True)


def output(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        return network(image)


@pytest.mark.parametrize(("point", "scale"), POINTS)
def test_the_one_channel_form_gives_the_mean_colour(point: str, scale: int) -> None:
    network, architecture = colour(point, scale)
    gray = to_gray(network, architecture)
    expected = mean_colour(network, smooth())
    assert expected.std() > 1e-3
    assert (output(gray.network, smooth()) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())
    assert gray.exact and gray.difference < 1e-5
    assert gray.architecture == Architecture.published(point, scale, 1)


def test_the_colour_network_is_left_as_it_was() -> None:
    network, architecture = colour("ecbsr/M4C8")
    before = copy.deepcopy(network.state_dict())
    to_gray(network, architecture)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_blocks_that_see_no_colours_keep_their_branches() -> None:
    network, architecture = colour("ecbsr/M4C8")
    before, after = network.state_dict(), to_gray(network, architecture).network.state_dict()
    inner = [name for name in before if name.startswith(("layers.1.", "layers.4."))]
    assert len(inner) > 20 and all(torch.equal(after[name], before[name]) for name in inner)


@pytest.mark.parametrize("point", ["carn/CARN-M", "span/SPAN-28", "mdrn/MDRN-S"])
def test_a_colour_mean_goes_into_the_biases(point: str) -> None:
    """Away from the border it is exact; there, zeros were the mean to the colour network and are black to this one."""
    network, architecture = colour(point, 4)
    image = smooth(48)
    gray = to_gray(network, architecture)
    assert not gray.exact
    expected = mean_colour(network, image)
    difference = (output(gray.network, image) - expected).abs()[0, 0] / expected.abs().max().clamp(min=1)
    assert difference.max() <= 3 * gray.difference
    middle = difference[80:-80, 80:-80]
    assert middle.max() < 0.05 * difference.max()


def test_without_zeros_at_the_border_a_colour_mean_is_exact() -> None:
    network, architecture = colour("edsr/EDSR-baseline")
    gray = to_gray(network, architecture).network
    for form in (network, gray):
        head = form.get_submodule("head.0")
        assert isinstance(head, nn.Conv2d)
        head.padding_mode = "circular"
    expected = mean_colour(network, smooth())
    assert (output(gray, smooth()) - expected).abs().max() < 1e-5 * max(1, expected.abs().max())


def test_one_mean_of_all_colours_needs_no_bias_and_others_are_refused_without_one() -> None:
    network, architecture = colour("lesrcnn/LESRCNN")
    with pytest.raises(InputError, match=r"colour mean that is subtracted first can't be moved .* 'head' has no bias"):
        to_gray(network, architecture)
    shift = network.get_submodule("shift")
    assert isinstance(shift, MeanShift)
    shift.mean.fill_(sum(DIV2K_MEAN) / 3)  # what the one-channel form subtracts
    assert to_gray(network, architecture).exact


def test_colours_that_meet_inside_are_refused() -> None:
    choices = {**SPACES.get("irsrmamba").smallest, "wavelet": True}
    architecture = Architecture("irsrmamba", 2, 3, choices)
    torch.manual_seed(0)
    network = architecture.build().eval()
    with pytest.raises(InputError, match="no one-channel form, because it mixes colours"):
        to_gray(network, architecture)


def test_weights_whose_layout_is_not_known_are_refused() -> None:
    network, architecture = colour("divanet/DiVANet")
    with pytest.raises(InputError, match=r"tensor 'head\.direction' of this network can't be reduced to one channel"):
        to_gray(network, architecture)


def test_a_gray_network_is_refused() -> None:
    architecture = Architecture.published("espcn/ESPCN")
    with pytest.raises(InputError, match="has one channel already; leave --to-gray out"):
        to_gray(architecture.build(), architecture)
