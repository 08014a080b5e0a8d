import pytest
import torch

from nas.cost import cost
from search_spaces import SPACES, Architecture

RGT = SPACES.get("rgt")


def authors_state(groups: int) -> dict[str, torch.Tensor]:
    """The x4 checkpoint's tensors as the authors name them; buffers among them."""
    affine = ["before_RG.1", "norm"]
    weights: dict[str, tuple[int, ...]] = {"conv_first": (180, 3, 3, 3), "conv_after_body": (180, 180, 3, 3)}
    weights |= {"conv_before_upsample.0": (64, 180, 3, 3), "conv_last": (3, 64, 3, 3)}
    weights |= {f"upsample.{step}": (256, 64, 3, 3) for step in (0, 2)}
    shapes: dict[str, tuple[int, ...]] = {}
    for block in (f"layers.{group}.blocks.{index}" for group in range(groups) for index in range(6)):
        affine += [f"{block}.norm1", f"{block}.norm2"]
        shapes |= {f"{block}.gamma": (180,), f"{block}.mlp.sg.norm.weight": (180,), f"{block}.mlp.sg.norm.bias": (180,)}
        weights |= {f"{block}.mlp.fc1": (360, 180), f"{block}.mlp.fc2": (180, 180), f"{block}.attn.proj": (180, 180)}
        weights[f"{block}.mlp.sg.conv"] = (180, 1, 3, 3)
        if block[-1] in "024":
            weights |= {f"{block}.attn.qkv": (540, 180), f"{block}.attn.get_v": (180, 1, 3, 3)}
            for name in (f"{block}.attn.attns.{branch}" for branch in (0, 1)):
                shapes |= {f"{name}.rpe_biases": (945, 2), f"{name}.relative_position_index": (256, 256)}
                weights[f"{name}.pos.pos_proj"] = (5, 2)
                for layer, outputs in ((1, 5), (2, 5), (3, 3)):
                    weights[f"{name}.pos.pos{layer}.2"] = (outputs, 5)
                    shapes |= {f"{name}.pos.pos{layer}.0.{kind}": (5,) for kind in ("weight", "bias")}
        else:
            weights |= {f"{block}.attn.reduction1": (180, 1, 4, 4), f"{block}.attn.dwconv": (180, 1, 3, 3)}
            weights |= {f"{block}.attn.conv": (90, 180, 1, 1), f"{block}.attn.cpe": (180, 1, 3, 3)}
            weights |= {
                f"{block}.attn.{name}": s for name, s in {"q": (90, 180), "k": (90, 90), "v": (180, 90)}.items()
            }
            shapes |= {f"{block}.attn.norm_act.0.{kind}": (90,) for kind in ("weight", "bias")}
    weights |= {f"layers.{group}.conv": (180, 180, 3, 3) for group in range(groups)}
    shapes |= {f"{name}.{kind}": (180,) for name in affine for kind in ("weight", "bias")}
    for name, shape in weights.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    with torch.device("meta"):
        return {name: torch.empty(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("point", "groups"), [("RGT-S", 6), ("RGT", 8)])
def test_a_released_checkpoint_is_taken(point: str, groups: int) -> None:
    with torch.device("meta"):
        network = Architecture.published(f"rgt/{point}", 4, 3).build()
    assert not any(network.load_state_dict(RGT.translate(authors_state(groups), 4, 3)))


@pytest.mark.parametrize(("point", "params", "macs"), [("RGT-S", 10.20e6, 193.08e9), ("RGT", 13.37e6, 251.07e9)])
def test_the_figures_at_x4_are_those_of_the_paper(point: str, params: float, macs: float) -> None:
    price = cost(Architecture.published(f"rgt/{point}", 4, 3), (512, 512))
    assert price.params == pytest.approx(params, rel=5e-4)
    assert price.macs == pytest.approx(macs, rel=0.01)  # theirs count normalisations


def test_windows_are_shifted_in_every_second_local_block() -> None:
    network = Architecture.published("rgt/RGT-S").replaced(groups=2, head_pairs=1, head_width=6).build()
    shifts = [[bool(block.attention.attentions[0].shift[0]) for block in group.blocks[::2]] for group in network.groups]
    assert shifts == [[False, True, False], [True, False, True]]
