import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas.deploy.locality import Locality, find_locality, receptive_radius, redrawn
from search_spaces import SPACES, Architecture
from search_spaces.families.hybrid_seeds import point
from search_spaces.layers.blocks import BLOCKS


@pytest.mark.parametrize(
    ("layers", "radius"),
    [
        ([nn.Conv2d(1, 4, 9, padding=4), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1)], 5),
        ([nn.Conv2d(1, 1, 3, padding=6, dilation=6)], 6),
        ([nn.Conv2d(1, 1, (1, 7), padding=(0, 3))], 3),
        ([nn.Conv2d(1, 1, (7, 1), padding=(3, 0))], 3),
        ([nn.Conv2d(1, 1, 3, padding=1), nn.MaxPool2d(5, 1, 2)], 3),
        ([nn.Identity()], 2),  # never below what bicubic interpolation reaches
    ],
)
def test_the_radius_is_that_of_the_layers(layers: list[nn.Module], radius: int) -> None:
    network = nn.Sequential(*layers)
    assert receptive_radius(network, scale=1) == radius
    assert find_locality(network, scale=1) == Locality(16, radius)


def test_a_layer_at_the_high_resolution_reaches_less_far() -> None:
    network = nn.Sequential(nn.Conv2d(1, 16, 1), nn.PixelShuffle(4), nn.Conv2d(1, 1, 17, padding=8))
    assert find_locality(network, scale=4) == Locality(16, 2)


def test_zero_weights_do_not_hide_the_receptive_field() -> None:
    layer = nn.Conv2d(1, 1, 7, padding=3)
    nn.init.zeros_(layer.weight)
    assert receptive_radius(layer, scale=1) == 3


class Pooled(nn.Module):
    """x + weight · something coarse of x, as attentions of an image have it: each subclass says what."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, image: Tensor) -> Tensor:
        return image + self.weight * self.coarse(image)

    def coarse(self, image: Tensor) -> Tensor:
        raise NotImplementedError


class Mean(Pooled):
    def coarse(self, image: Tensor) -> Tensor:
        return image.mean(dim=(-2, -1), keepdim=True)


class EverySixth(Pooled):
    """Cells of six pixels: of the 16 that fit into 96, cuts at multiples of 24 hit all borders, those of 16 few."""

    side = 6

    def coarse(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        cells = F.max_pool2d(image, self.side, ceil_mode=True)
        return F.interpolate(cells, scale_factor=float(self.side), mode="nearest")[..., :height, :width]


class EveryFifth(EverySixth):
    side = 5


class Adaptive(Pooled):
    """An eighth of the image's size, whatever that is; cells are regular only where eight divides it."""

    def coarse(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        return F.interpolate(F.adaptive_max_pool2d(image, (height // 8, width // 8)), (height, width))


class Stretched(Pooled):
    """Pooled with a stride and stretched to the image's size: the ratio is that of the sizes, not the stride."""

    def coarse(self, image: Tensor) -> Tensor:
        small = F.max_pool2d(image, 7, 2)
        return F.interpolate(small, image.shape[-2:], mode="bilinear", align_corners=False)


class Rolled(Pooled):
    def coarse(self, image: Tensor) -> Tensor:
        return image.roll((1, 1), dims=(-2, -1))


class RolledDown(Pooled):
    def coarse(self, image: Tensor) -> Tensor:
        return image.roll(-1, dims=-2)


class Shut(Adaptive):
    """Its branch answers only to pixels that are brighter than any of a probe."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Conv2d(1, 8, 1)
        nn.init.constant_(self.gate.bias, -20.0)

    def coarse(self, image: Tensor) -> Tensor:
        return super().coarse(F.relu(self.gate(image))).sum(dim=1, keepdim=True)


@pytest.mark.parametrize("kind", [Mean, EveryFifth, Adaptive, Stretched, Rolled, RolledDown])
@pytest.mark.parametrize("weight", [1.0, 1e-6, 0.0])
def test_what_depends_on_the_whole_image_has_no_locality_however_little_it_weighs(
    kind: type[Pooled], weight: float
) -> None:
    assert find_locality(kind(weight), scale=1) is None


def test_other_weights_show_what_a_shut_gate_hides() -> None:
    network, image = Shut(), torch.rand(1, 1, 33, 47)
    assert torch.equal(network(image), image)
    assert find_locality(network, scale=1) is None


def test_cuts_are_only_made_where_the_cells_of_a_network_begin() -> None:
    assert find_locality(EverySixth(), scale=1) == Locality(24, 2)


class Single(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return F.conv2d(image, torch.ones(1, 1, 3, 3), padding=1)


def test_a_network_that_can_not_be_checked_in_float64_has_no_locality() -> None:
    assert find_locality(Single(), scale=1) is None


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Conv2d(1, 1, 3, padding=1).train()
    before = network.weight.clone()
    find_locality(network, scale=1)
    assert torch.equal(network.weight, before) and network.training


# Blocks and networks of the spaces

WHOLE = {"distill", "distill_bs", "esa", "rcab", "safm"}
"""The blocks with an attention or a modulation that adapts to the size of the image."""


@pytest.mark.parametrize("name", BLOCKS)
def test_of_the_blocks_those_that_adapt_to_the_size_have_no_locality(name: str) -> None:
    # As initialised, the last layer of nearly all is zero: only other weights show what they do.
    network = Architecture("hybrid", 2, 1, point(f"{name} k3 e1 x2", width=16)).build()
    assert (find_locality(network, scale=2) is None) == (name in WHOLE)
    assert (find_locality(redrawn(network), scale=2) is None) == (name in WHOLE)


@pytest.mark.parametrize(("window", "grid"), [(8, 16), (12, 24)])
def test_windows_are_cut_between_them(window: int, grid: int) -> None:
    space = SPACES.get("swinir")
    network = space.build({**space.smallest, "window": window}, 2, 1)
    found = find_locality(network, scale=2)
    assert found is not None and found.grid == grid


def test_windows_that_are_rolled_without_a_mask_need_the_whole_image() -> None:
    space = SPACES.get("elan")
    assert find_locality(space.build(space.smallest, 2, 1), scale=2) is None
