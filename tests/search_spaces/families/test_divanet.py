import torch
from torch import nn
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.families.divanet import Bank, NormedConv, VarianceAttention, VarianceBlock

DIVANET = SPACES.get("divanet")


def authors_state() -> dict[str, torch.Tensor]:
    normed = {"entry_1": (64, 3, 3, 3), "exit1": (3, 64, 3, 3), "upsample.up.body.0": (256, 16, 3, 3)}
    plain = {"sub_mean.shifter": (3, 3, 1, 1), "add_mean.shifter": (3, 3, 1, 1)}
    for group in ("", "b1.", "b2.", "b3."):
        normed |= {f"{group}reduction_1.conv": (64, 256, 1, 1), f"{group}reduction_2.conv": (64, 192, 1, 1)}
    for block in (f"b{i}.rb{j}" for i in (1, 2, 3) for j in (1, 2, 3)):
        shapes = {0: (384, 64, 1, 1), 2: (51, 384, 1, 1), 3: (64, 51, 3, 3)}
        normed |= {f"{block}.body.{index}": shape for index, shape in shapes.items()}
        plain |= {f"{block}.DiVA.conv_{axis}": (64, 64, 1, 1) for axis in "hw"}
    state = {f"{name}.weight": torch.rand(shape) for name, shape in plain.items()}
    state |= {f"{name}.weight_v": torch.rand(shape) for name, shape in normed.items()}
    state |= {f"{name}.weight_g": torch.rand(shape[0], 1, 1, 1) for name, shape in normed.items()}
    return state | {f"{name}.bias": torch.rand(shape[0]) for name, shape in (plain | normed).items()}


def test_an_authors_checkpoint_is_taken() -> None:
    network = Architecture.published("divanet/DiVANet", 2, 3).build()
    assert not any(network.load_state_dict(DIVANET.translate(authors_state(), 2, 3)))


def test_a_normed_convolution_is_that_of_pytorch() -> None:
    ours, theirs = NormedConv(4, 6, groups=2), nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3, 1, 1, 1, 2))
    theirs.parametrizations.weight.original0.data = ours.gain.data
    theirs.parametrizations.weight.original1.data = ours.direction.data
    theirs.bias.data = ours.bias.data
    features = torch.rand(2, 4, 5, 6)
    assert torch.allclose(ours(features), theirs(features), atol=1e-6)


def test_where_the_image_is_skipped_the_last_convolution_can_learn_all_its_weights() -> None:
    network = Architecture.published("divanet/DiVANet").replaced(image_skip=True, groups=1, blocks=1).build()
    network(torch.rand(1, 1, 8, 8)).square().mean().backward()
    assert network.network.tail[-1].weight.grad.any(dim=(2, 3)).all()


def test_attention_is_from_the_variances_of_rows_and_columns() -> None:
    layer, features = VarianceAttention(3), torch.randn(1, 3, 4, 5)
    rows = (features - features.mean(3, keepdim=True)).square().mean(3, keepdim=True)
    columns = (features - features.mean(2, keepdim=True)).square().mean(2, keepdim=True)
    expected = features * torch.sigmoid(layer.rows(rows)) * torch.sigmoid(layer.columns(columns))
    assert torch.allclose(layer(features), expected, atol=1e-6)


def test_a_bank_merges_all_features_and_all_attentions() -> None:
    bank, features = Bank([VarianceBlock(8, 2, 5), VarianceBlock(8, 2, 5)], 8), torch.randn(1, 8, 6, 6)
    first, first_attention = bank.row[0](features)
    second, second_attention = bank.row[1](first)
    attention = F.relu(bank.attentions(torch.cat([first_attention, second_attention], 1)))
    merged = F.relu(bank.features(torch.cat([features, first, second], 1)))
    output, own = bank(features)
    assert torch.allclose(own, attention)
    assert torch.allclose(output, merged + features + attention)


def test_the_enlarged_image_is_added_to_the_published_network() -> None:
    network = Architecture.published("divanet/DiVANet", 2, 3).replaced(groups=1, blocks=1).build()
    for parameter in (network.tail[-1].gain, network.tail[-1].bias):
        nn.init.zeros_(parameter)
    image = torch.rand(1, 3, 6, 7)
    assert torch.allclose(network(image), F.interpolate(image, scale_factor=2, mode="bicubic"), atol=1e-6)
