import torch

from search_spaces.layers.conv import conv
from search_spaces.layers.low_rank import LowRankConv


def test_half_the_width_needs_a_third_of_the_weights() -> None:
    dense = conv(16, 16, bias=False).weight.numel()
    weights = sum(p.numel() for p in LowRankConv(16, 8, 16).parameters() if p.dim() > 1)
    assert 3 * weights == dense


def test_a_low_rank_convolution_reaches_as_far_as_a_dense_one() -> None:
    layer = LowRankConv(1, 1, 1, kernel=5)
    image = torch.zeros(1, 1, 9, 9)
    image[..., 4, 4] = 1
    with torch.no_grad():
        reached = (layer(image) - layer(torch.zeros_like(image))).abs() > 0
    rows, columns = reached[0, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 6, 2, 6)
