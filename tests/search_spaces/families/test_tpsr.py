import pytest
import torch

from search_spaces import SPACES, Architecture
from search_spaces.families.tpsr import operation

TPSR = SPACES.get("tpsr")

PATHS = {
    "early_layers": {0: "Sep2d_5x5", 1: "Conv2d_7x7", 2: "Conv2d_7x7"},
    "middle_main_layers": {4: "Conv2d_3x3", 5: "Conv2d_5x5", 6: "Sep2d_3x3"},
    "middle_side_layers": {3: "Conv2d_3x3", 7: "Conv2d_5x5", 8: "Conv2d_3x3"},
    "skip_layer": {9: "Conv2d_7x7"},
}
"""The authors' operations, as their checkpoints name them."""


def authors_state(scale: int) -> dict[str, torch.Tensor]:
    convolutions = {"sub_mean": (3, 3, 1, 1), "add_mean": (3, 3, 1, 1), "first_layer": (16, 3, 3, 3)}
    convolutions |= {f"up_mod.{step}.extend": (12, 3 if step else 16, 3, 3) for step in range(scale // 2)}
    shapes: dict[str, tuple[int, ...]] = {"merge_op_act.weight": (1,)}
    for path, nodes in PATHS.items():
        for node, kind in nodes.items():
            name, kernel = f"{path}.Node_{node}_Operation_0_type_{kind}.model", int(kind[-1])
            shapes[f"{name}.1.weight"] = (1,)
            if kind.startswith("Conv"):
                convolutions[f"{name}.0"] = (16, 16, kernel, kernel)
            else:
                shapes |= {f"{name}.0.weight": (16, 1, kernel, kernel), f"{name}.3.weight": (1,)}
                convolutions[f"{name}.2"] = (16, 16, 1, 1)
    for name, shape in convolutions.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return {name: torch.rand(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("scale", [2, 4])
def test_a_released_checkpoint_is_taken(scale: int) -> None:
    network = Architecture.published("tpsr/TPSR-NoGAN", scale, 3).build()
    assert not any(network.load_state_dict(TPSR.translate(authors_state(scale), scale, 3)))


def test_three_paths_are_added() -> None:
    network = Architecture.published("tpsr/TPSR").replaced(image_skip=True).build().network
    torch.nn.init.normal_(network.tail[0].weight)
    image, n = torch.rand(1, 1, 9, 8), network.nodes
    head = network.head(image)
    early = n[2](n[1](n[0](head)))
    merged = n[9](head) + n[6](n[5](n[4](early))) + n[8](n[7](n[3](early)))
    assert torch.allclose(network(image), network.tail(network.merge(merged)), atol=1e-6)


@pytest.mark.parametrize(("kind", "parameters"), [("conv5", 8 * 8 * 25 + 8 + 1), ("sep7", 8 * 49 + 1 + 8 * 8 + 8 + 1)])
def test_an_operation_ends_in_one_slope(kind: str, parameters: int) -> None:
    layer = operation(kind, 8)
    assert sum(p.numel() for p in layer.parameters()) == parameters
    assert layer(torch.rand(1, 8, 6, 7)).shape == (1, 8, 6, 7)


def test_steps_after_the_first_work_on_an_image() -> None:
    tail = Architecture.published("tpsr/TPSR", 4, 3).build().tail
    assert [(layer.in_channels, layer.out_channels) for layer in list(tail)[::2]] == [(16, 12), (3, 12)]
    image = Architecture.published("tpsr/TPSR", 3, 1).build()(torch.rand(1, 1, 5, 4))
    assert image.shape == (1, 1, 15, 12)
