import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from search_spaces.layers.routed_attention import Mixer, moved


def stacked(count: int) -> list[Tensor]:
    """Queries, keys, values and gated values of a mixer of width 12 for windows of two by two pixels."""
    return [torch.randn(2, count, 4, 12) for _ in range(4)]


def by_hand(mixer: Mixer, hardness: Tensor, attended: int, q: Tensor, k: Tensor, v: Tensor, gated: Tensor) -> Tensor:
    output = gated.clone()
    for image in range(len(hardness)):
        for window in hardness[image].argsort(descending=True)[:attended].tolist():
            scores = mixer.project_q(q[image, window]) @ mixer.project_k(k[image, window]).T
            output[image, window] = scores.softmax(dim=1) @ v[image, window]
    return output


@pytest.mark.parametrize(
    ("percent", "count", "attended"), [(50, 6, 3), (50, 5, 3), (10, 5, 1), (30, 20, 6), (100, 4, 4)]
)
def test_a_fixed_share_of_the_windows_the_hardest_is_attended(percent: int, count: int, attended: int) -> None:
    mixer, windows, hardness = Mixer(12, 2, percent), stacked(count), torch.rand(2, count)
    expected = by_hand(mixer, hardness, attended, *windows)
    assert torch.allclose(mixer.eval().route(hardness, *windows), expected, atol=1e-6)
    assert torch.allclose(mixer.train().route(hardness, *windows), expected, atol=1e-6)


def test_in_training_each_window_says_what_attention_would_have_changed() -> None:
    mixer, windows, hardness = Mixer(12, 2, 50).train(), stacked(6), torch.rand(2, 6, requires_grad=True)
    weight = torch.randn(2, 6, 4, 12)
    (mixer.route(hardness, *windows) * weight).sum().backward()
    change = mixer.attend(*windows[:3]) - windows[3]
    assert torch.allclose(hardness.grad, (change * weight).sum(dim=(2, 3)), atol=1e-5)


def test_pixels_are_taken_from_where_the_offsets_say_and_from_the_border_beyond_it() -> None:
    features = torch.randn(1, 3, 6, 8)
    offsets = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 6, 8)  # x, y
    expected = F.pad(features, (0, 2, 1, 0), "replicate")[:, :, :6, 2:]
    assert torch.allclose(moved(features, offsets), expected, atol=1e-5)


def test_half_precision_finds_the_pixel_too() -> None:
    features, nowhere = torch.rand(1, 1, 8, 700).bfloat16(), torch.zeros(1, 2, 8, 700).bfloat16()
    assert torch.allclose(moved(features, nowhere), features, atol=0.01)


def test_a_key_is_the_pixel_plus_the_one_it_is_moved_to() -> None:
    """With all offsets zero, keys are twice the features."""
    mixer = Mixer(12, 4, 100).eval()
    for parameter in mixer.router.offsets.parameters():
        torch.nn.init.zeros_(parameter)
    seen: list[Tensor] = []
    mixer.project_k.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    mixer.project_q.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    mixer(torch.randn(1, 12, 8, 8), torch.randn(1, 2, 8, 8))
    queries, keys = seen
    assert torch.allclose(keys, 2 * queries, atol=1e-5)
