import pytest
import torch
from torch import nn

from nas.cost import cost
from search_spaces import SPACES, Architecture

FSRCNN = Architecture.published("fsrcnn/FSRCNN")


@pytest.mark.parametrize(
    ("name", "d", "s", "m", "weights"), [("FSRCNN", 56, 12, 4, 12_464), ("FSRCNN-s", 32, 5, 1, 3_937)]
)
def test_the_papers_weights_cost_one_multiply_add_an_input_pixel(
    name: str, d: int, s: int, m: int, weights: int
) -> None:
    assert 25 * d + d * s + 9 * m * s**2 + s * d + 81 * d == weights
    price = cost(Architecture.published(f"fsrcnn/{name}"))
    slopes = d + s + m * s + d
    assert price.params == weights + (slopes + 1) + slopes
    assert price.macs == weights * 640 * 360


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kernel", [5, 9])
def test_the_kernel_is_centred_on_the_first_output_pixel_of_an_input_pixel(scale: int, kernel: int) -> None:
    network = Architecture.published("fsrcnn/FSRCNN", scale).replaced(last_kernel=kernel).build()
    nn.init.ones_(network.last.weight)
    nn.init.zeros_(network.last.bias)
    features = torch.zeros(1, 56, 7, 7)
    features[0, 0, 3, 3] = 1
    written = network.last(features)[0, 0].nonzero()
    reach = kernel // 2
    assert written.min(0).values.tolist() == [3 * scale - reach] * 2
    assert written.max(0).values.tolist() == [3 * scale + reach] * 2


def test_an_activation_follows_each_layer_but_the_last() -> None:
    network = FSRCNN.build()
    kinds = [type(module) for module in [*network.head, *network.body]]
    assert kinds == [nn.Conv2d, nn.PReLU] * 7
    assert [module.out_channels for module in network.body[::2]] == [12] * 5 + [56]


def test_the_names_of_pytorch_ports_are_understood() -> None:
    convs = ["first_part.0", *(f"mid_part.{i}" for i in range(0, 12, 2)), "last_part"]
    slopes = ["first_part.1", *(f"mid_part.{i}" for i in range(1, 12, 2))]
    names = [f"{name}.{kind}" for name in convs for kind in ("weight", "bias")] + [f"{name}.weight" for name in slopes]
    theirs = dict.fromkeys(names, torch.empty(0))
    assert SPACES.get("fsrcnn").translate(theirs, 2, 1).keys() == FSRCNN.build().state_dict().keys()
