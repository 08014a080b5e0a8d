import torch

from search_spaces.layers.channel_norm import ChannelNorm


def test_the_channels_of_each_pixel_are_normalised_on_their_own() -> None:
    norm = ChannelNorm(6)
    output = norm(torch.randn(2, 6, 3, 5) * 7 + 3)
    assert output.shape == (2, 6, 3, 5)
    assert torch.allclose(output.mean(dim=1), torch.zeros(2, 3, 5), atol=1e-6)
    assert torch.allclose(output.var(dim=1, unbiased=False), torch.ones(2, 3, 5), atol=1e-4)


def test_each_channel_has_a_gain_and_an_offset() -> None:
    norm, features = ChannelNorm(6), torch.randn(1, 6, 3, 5)
    plain = norm(features)
    norm.weight.data, norm.bias.data = torch.arange(6.0), -torch.arange(6.0)
    scale = torch.arange(6.0).view(1, 6, 1, 1)
    assert torch.allclose(norm(features), plain * scale - scale)


def test_a_flat_pixel_has_a_gradient() -> None:
    features = torch.ones(1, 6, 2, 2, requires_grad=True)
    ChannelNorm(6)(features).sum().backward()
    assert features.grad.isfinite().all()
