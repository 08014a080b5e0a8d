import gc
import warnings
from typing import ClassVar

import pytest
import torch
from closed_form import closed_form
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from nas.cost import HR_SIZE, Cost, cost, meta_network, thop_macs
from search_spaces import SPACES, Architecture, Choices, SearchSpace, SpaceError, Values
from search_spaces.layers.fused import fused

POINTS = ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C", "moremnas/MoreMNAS-C", "moremnas/MoreMNAS-D"]


class Wrapped(SearchSpace):
    """Counts any module: a space with one network."""

    name = "wrapped"
    summary = "one network"
    channels = (1, 2, 3, 4)

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    options: ClassVar[dict[str, Values]] = {}

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        return self._network.to("meta")


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> object:
    """A function from a module and its input's shape [1, C, H, W] to its cost."""
    SPACES.names()

    def counted(network: nn.Module, channels: int = 1, height: int = 10, width: int = 10) -> Cost:
        monkeypatch.setitem(SPACES._members, "wrapped", Wrapped(network))
        return cost.__wrapped__(Architecture("wrapped", 2, channels, {}), (2 * width, 2 * height))

    return counted


class Matmul(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x @ x.transpose(-1, -2)


class FunctionalConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, padding=1)


@pytest.mark.parametrize("point", POINTS)
def test_published_points_cost_what_the_closed_form_says(point: str) -> None:
    architecture = Architecture.published(point)
    expected = closed_form(architecture.choices)
    assert (cost(architecture).params, cost(architecture).macs) == (expected.params, expected.macs)


FALSR = SPACES.get("falsr").parameters()


@settings(max_examples=15, deadline=None)
@given(st.tuples(*(st.sampled_from(values) for values in FALSR.values())))
def test_any_network_of_falsr_costs_what_the_closed_form_says(values: tuple[object, ...]) -> None:
    choices = dict(zip(FALSR, values, strict=True))
    price, expected = cost(Architecture("falsr", 2, 1, choices)), closed_form(choices)
    assert (price.params, price.macs) == (expected.params, expected.macs)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("point", ["falsr/FALSR-B", "moremnas/MoreMNAS-D"])
def test_the_cost_is_the_sum_over_the_layers(point: str, scale: int) -> None:
    network, image = meta_network(Architecture.published(point, scale))
    macs, written = [], []

    def look(layer: nn.Conv2d, _inputs: object, output: Tensor) -> None:
        macs.append(output.numel() * layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1])
        written.append(output.numel())

    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(look)
    network(image)
    price = cost(Architecture.published(point, scale))
    assert (price.macs, price.activations) == (sum(macs), sum(written))


def test_the_default_is_one_hr_image_of_1280_x_720_pixels() -> None:
    architecture = Architecture.published("moremnas/MoreMNAS-C")
    assert cost(architecture).hr_size == HR_SIZE == (1280, 720)
    assert meta_network(architecture)[1].shape == (1, 1, 360, 640)


def test_multiply_adds_and_activations_grow_with_the_area_and_parameters_do_not() -> None:
    architecture = Architecture.published("moremnas/MoreMNAS-C")
    once, four_times = cost(architecture, (64, 48)), cost(architecture, (128, 96))
    assert four_times.macs == 4 * once.macs
    assert four_times.activations == 4 * once.activations
    assert four_times.peak_memory == 4 * once.peak_memory
    assert four_times.params == once.params


def test_a_cost_is_plain_data() -> None:
    assert Cost(1, 2, 3, 4, 5, (6, 7)).to_dict() == {
        "params": 1, "macs": 2, "activations": 3, "convs": 4, "peak_memory": 5, "hr_size": (6, 7)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "convs", "channels"),
    [
        ("fsrcnn/FSRCNN", 8, [56, 12, 12, 12, 12, 12, 56]),  # its last convolution writes the enlarged image
        ("espcn/ESPCN", 3, [64, 32, 4]),
    ],
)
def test_convolutions_and_what_they_write_are_counted(name: str, convs: int, channels: list[int]) -> None:
    counted = cost(Architecture.published(name), (128, 96))
    enlarged = 128 * 96 if len(channels) < convs else 0
    assert counted.convs == convs
    assert counted.activations == 64 * 48 * sum(channels) + enlarged


def test_branches_that_merge_for_inference_are_one_convolution() -> None:
    assert cost(Architecture.published("ecbsr/M4C8").replaced(image_skip=True)).convs == 6 + 1  # and the skip


def test_counting_again_is_free() -> None:
    architecture = Architecture.published("moremnas/MoreMNAS-C")
    first = cost(architecture)
    before = cost.cache_info().hits
    assert cost(Architecture.published("moremnas/MoreMNAS-C")) is first
    assert cost.cache_info().hits == before + 1


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(SpaceError, match="builds scales"):
        cost(Architecture.published("falsr/FALSR-A", scale=5))


def test_counting_draws_no_random_numbers() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    cost(Architecture.published("falsr/FALSR-B"), (32, 32))
    thop_macs(Architecture.published("falsr/FALSR-B"), (32, 32))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_in_use_is_never_touched() -> None:
    architecture = Architecture.published("moremnas/MoreMNAS-C")
    network = architecture.build()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    cost(architecture, (96, 64))
    thop_macs(architecture, (96, 64))
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert network.training
    assert not any(module._forward_hooks for module in network.modules())


def test_a_re_parameterisable_network_is_counted_fused(count: object) -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(1, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.wide(x) + self.narrow(x)

        def fuse(self) -> nn.Module:
            return nn.Conv2d(1, 4, 3, padding=1)

    price = count(Branches())
    assert (price.params, price.macs) == (40, 36 * 100)
    plain = nn.ReLU()
    assert fused(plain) is plain


def test_frozen_parameters_are_not_counted(count: object) -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 2, 1).requires_grad_(False))
    assert count(network).params == 8


@pytest.mark.parametrize(
    ("network", "channels", "macs"),
    [
        (nn.Conv2d(4, 8, 3, padding=1, groups=2), 4, 100 * 8 * 2 * 9),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), 4, 100 * 4 * 9),
        (nn.Conv2d(1, 4, 3, stride=2, padding=1), 1, 25 * 4 * 9),
        (nn.Conv2d(1, 4, 3, dilation=2, padding=2), 1, 100 * 4 * 9),
        (nn.ConvTranspose2d(4, 2, 2, stride=2), 4, 100 * 4 * 2 * 4),
        (nn.Linear(10, 7), 1, 10 * 10 * 7),
        (Matmul(), 3, 3 * 10 * 10 * 10),
        (FunctionalConv(), 1, 100 * 4 * 9),
        (nn.Sequential(nn.ReLU(), nn.PixelShuffle(2), nn.Upsample(scale_factor=2)), 4, 0),
    ],
    ids=["groups", "depthwise", "stride", "dilation", "transposed", "linear", "matmul", "functional", "free"],
)
def test_multiply_adds_of_one_layer(count: object, network: nn.Module, channels: int, macs: int) -> None:
    assert count(network, channels).macs == macs


@pytest.mark.parametrize(
    ("network", "channels", "peak", "written"),
    [
        # first convolution 4 maps, then the second reads 4 and writes 8
        (nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 1)), 1, 12, 12),
        # the ReLU in place needs nothing; the other one a second copy of its 8 maps
        (nn.Sequential(nn.Conv2d(1, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 2, 1)), 1, 10, 10),
        (nn.Sequential(nn.Conv2d(1, 8, 1), nn.ReLU(), nn.Conv2d(8, 2, 1)), 1, 16, 10),
        # however deep, two at a time
        (nn.Sequential(*(nn.Conv2d(4, 4, 1) for _ in range(20))), 4, 8, 80),
        # neither the image and its views nor the weights and theirs are activations
        (nn.Flatten(2), 4, 0, 0),
        (nn.Linear(10, 10), 1, 1, 1),
    ],
    ids=["two-convolutions", "relu-in-place", "relu", "chain", "views", "linear"],
)
def test_peak_memory_and_activations_by_hand(
    count: object, network: nn.Module, channels: int, peak: int, written: int
) -> None:
    """In maps of 10 x 10 float32 values."""
    gc.disable()  # memory is freed when the last reference goes, not when the collector comes
    try:
        price = count(network, channels)
    finally:
        gc.enable()
    assert (price.peak_memory, price.activations) == (peak * 400, written * 100)


def test_what_a_skip_keeps_is_alive(count: object) -> None:
    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.rest = nn.Conv2d(1, 4, 1), nn.Sequential(nn.Conv2d(4, 8, 1), nn.Conv2d(8, 4, 1))

        def forward(self, x: Tensor) -> Tensor:
            first = self.first(x)
            return first + self.rest(first)

    assert count(Skip()).peak_memory == (4 + 8 + 4) * 400


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("image_skip", [False, True])
def test_thop_agrees_on_every_published_point(point: str, image_skip: bool) -> None:
    """thop counts no biases and no activations, so there is nothing to allow for."""
    architecture = Architecture.published(point).replaced(image_skip=image_skip)
    assert thop_macs(architecture) == cost(architecture).macs


@pytest.mark.parametrize(
    ("network", "channels", "thops", "right"),
    [
        # charges every output pixel with the whole kernel, though a stride of 2 leaves a quarter of it to each
        (nn.ConvTranspose2d(4, 2, 2, stride=2), 4, 400 * 4 * 2 * 4, 100 * 4 * 2 * 4),
        # sees modules only
        (Matmul(), 3, 0, 3_000),
        (FunctionalConv(), 1, 0, 3_600),
    ],
    ids=["transposed", "matmul", "functional"],
)
def test_thop_is_only_a_second_opinion(
    count: object, network: nn.Module, channels: int, thops: int, right: int
) -> None:
    price = count(network, channels)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = thop_macs(Architecture("wrapped", 2, channels, {}), (20, 20))
    assert (theirs, price.macs) == (thops, right)
