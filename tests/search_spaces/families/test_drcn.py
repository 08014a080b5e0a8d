import torch
from torch.nn import functional as F

from search_spaces import Architecture
from search_spaces.layers.interpolation import interpolate

DRCN = Architecture.published("drcn/DRCN").replaced(width=16)


def test_the_output_is_the_weighted_sum_of_a_prediction_a_recursion() -> None:
    network = DRCN.replaced(recursions=3).build()
    body = network.body
    body.weights.data = torch.tensor([0.5, 0.2, 0.4])

    def conv(module: torch.nn.Conv2d, features: torch.Tensor) -> torch.Tensor:
        return F.conv2d(features, module.weight, module.bias, padding=1)

    image = torch.rand(1, 1, 6, 5)
    enlarged = interpolate(image, 2, "smooth")
    features = F.relu(conv(body.embedding[2], F.relu(conv(body.embedding[0], enlarged))))
    expected = torch.zeros_like(enlarged)
    for weight in (0.5, 0.2, 0.4):
        features = F.relu(conv(body.recursion[0], features))
        prediction = enlarged + conv(body.last, F.relu(conv(body.reconstruction[0], features)))
        expected = expected + weight * prediction
    assert torch.allclose(network(image), expected, rtol=1e-4, atol=1e-5)


def test_recursions_begin_as_the_identity_and_the_sum_as_the_mean() -> None:
    body = DRCN.build().body
    features = torch.rand(1, 16, 5, 5)
    assert torch.equal(body.recursion(features), features)
    assert torch.equal(body.weights, torch.full((16,), 1 / 16))


def test_a_recursion_costs_one_weight() -> None:
    def params(recursions: int) -> int:
        return sum(p.numel() for p in DRCN.replaced(recursions=recursions).build().parameters())

    assert params(16) - params(1) == 15


def test_within_an_image_skip_no_prediction_has_the_image() -> None:
    network = DRCN.replaced(image_skip=True).build()
    image = torch.rand(1, 1, 6, 5)
    assert torch.equal(network(image), interpolate(image, 2))
