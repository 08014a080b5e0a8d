import torch
from torch.nn import functional as F

from search_spaces.layers.recursive_attention import GlobalAttention, LocalAttention


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | float = 0) -> torch.Tensor:
    return (q @ k.T * q.shape[-1] ** -0.5 + bias).softmax(-1) @ v


def test_half_of_the_channels_look_around_in_high_windows() -> None:
    layer = LocalAttention(16, heads=4, window=(2, 4), shifted=False)
    features = torch.randn(1, 4, 8, 16)
    q, k, v = layer.qkv(features).chunk(3, dim=-1)
    # The last head, in the last of the windows of 4 rows and 2 columns.
    window = [part[0, :, 6:, 12:].reshape(8, 4) for part in (q, k, v)]
    bias = layer.attentions[1].position()[1]
    local = F.conv2d(v.movedim(3, 1), layer.local.weight, layer.local.bias, padding=1, groups=16).movedim(1, 3)
    seen = []
    layer.project.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    layer(features)
    expected = attention(*window, bias) + local[0, :, 6:, 12:].reshape(8, 4)
    assert torch.allclose(seen[0][0, :, 6:, 12:].reshape(8, 4), expected, atol=1e-5)


def test_shifted_windows_do_not_look_across_the_border() -> None:
    layer = LocalAttention(8, heads=2, window=(2, 4), shifted=True)
    features = torch.randn(1, 8, 8, 8)
    changed = features.clone()
    changed[:, -1, -1] += 1
    difference = (layer(changed) - layer(features)).abs().amax(dim=(0, 3))
    # The corner's own windows are the quarters of windows that rolling left there.
    assert difference[-2:, -2:].all()
    assert not difference[:4, :4].any()


def test_every_pixel_looks_at_the_shrunk_image() -> None:
    layer = GlobalAttention(8, heads=2, key_width=3, recursions=2)
    features = torch.randn(1, 33, 47, 8)
    small = layer.small(layer.shrink(layer.shrink(features.movedim(3, 1))))
    assert small.shape[-2:] == (2, 2)  # 33 // 16, 47 // 16
    small = F.gelu(layer.norm(small.movedim(1, 3)))
    values = layer.v(small)
    values = (values + layer.position(values.movedim(3, 1)).movedim(1, 3)).reshape(4, 8)
    q, k = layer.q(features).reshape(-1, 6), layer.k(small).reshape(4, 6)
    heads = [attention(q[:, 3 * i : 3 * i + 3], k[:, 3 * i : 3 * i + 3], values[:, 4 * i : 4 * i + 4]) for i in (0, 1)]
    assert torch.allclose(layer(features).reshape(-1, 8), layer.project(torch.cat(heads, dim=1)), atol=1e-5)
