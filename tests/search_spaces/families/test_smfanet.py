import pytest
import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.smfanet import PartialMixer, SelfModulation

SMFANET = SPACES.get("smfanet")


def authors_state(width: int, blocks: int, scale: int) -> dict[str, torch.Tensor]:
    depthwise = {"smfa.lde.conv_0.0": (2 * width, 1, 3, 3), "smfa.dw_conv": (width, 1, 3, 3)}
    convolutions = depthwise | {
        "smfa.linear_0": (2 * width, width, 1, 1),
        "smfa.linear_1": (width, width, 1, 1),
        "smfa.linear_2": (width, width, 1, 1),
        "smfa.lde.conv_0.1": (2 * width, 2 * width, 1, 1),
        "smfa.lde.conv_1": (width, 2 * width, 1, 1),
        "pcfn.conv_0": (2 * width, width, 1, 1),
        "pcfn.conv_1": (width // 2, width // 2, 3, 3),
        "pcfn.conv_2": (width, 2 * width, 1, 1),
    }
    convolutions = {f"feats.{block}.{name}": s for block in range(blocks) for name, s in convolutions.items()}
    convolutions |= {"to_feat": (width, 3, 3, 3), "to_img.0": (3 * scale**2, width, 3, 3)}
    shapes = {f"{name}.weight": shape for name, shape in convolutions.items()}
    shapes |= {f"{name}.bias": shape[:1] for name, shape in convolutions.items()}
    shapes |= {f"feats.{block}.smfa.{name}": (1, width, 1, 1) for block in range(blocks) for name in ("alpha", "belt")}
    return {name: torch.rand(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(("name", "width", "blocks"), [("SMFANet", 36, 8), ("SMFANet-plus", 48, 12)])
def test_a_released_checkpoint_is_taken(name: str, width: int, blocks: int) -> None:
    with torch.device("meta"):
        network = Architecture.published(f"smfanet/{name}", 2, 3).build()
        assert not any(network.load_state_dict(SMFANET.translate(authors_state(width, blocks, 2), 2, 3)))


@pytest.mark.parametrize(("scale", "thousands"), [(2, 186), (3, 191), (4, 197)])
def test_the_parameters_are_those_of_the_paper(scale: int, thousands: int) -> None:
    count = sum(p.numel() for p in Architecture.published("smfanet/SMFANet", scale, 3).build().parameters())
    assert round(count / 1000) == thousands


@pytest.mark.parametrize("size", [(16, 24), (9, 15)])
def test_the_modulation_is_made_of_maxima_and_the_variance(size: tuple[int, int]) -> None:
    layer, features = SelfModulation(4, divisor=8, expansion=2), torch.randn(2, 4, *size)
    torch.nn.init.normal_(layer.beta)
    near, far = layer.split(features).chunk(2, dim=1)
    maxima = F.adaptive_max_pool2d(far, (size[0] // 8, size[1] // 8))
    variance = far.flatten(2).var(dim=2)[:, :, None, None]
    gate = F.gelu(layer.map(layer.coarse(maxima) * layer.alpha + variance * layer.beta))
    expected = layer.mix(far * F.interpolate(gate, size) + layer.local(near))
    assert torch.allclose(layer(features), expected, atol=1e-6)


def test_the_mixer_convolves_its_first_features_alone() -> None:
    mixer, features = PartialMixer(4, 8, 2), torch.randn(1, 4, 6, 6)
    inner = F.gelu(mixer.expand(features))
    expected = mixer.project(torch.cat([F.gelu(mixer.partial(inner[:, :2])), inner[:, 2:]], dim=1))
    assert torch.allclose(mixer(features), expected)


def test_a_single_pixel_is_too_small() -> None:
    assert SMFANET.minimum_side == 2
    network = Architecture.published("smfanet/SMFANet").build()
    with pytest.warns(UserWarning, match="degrees of freedom"):
        assert network(torch.rand(1, 1, 1, 1)).isnan().all()
