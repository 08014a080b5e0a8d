import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture
from search_spaces.layers.conditioning import gaussian_kernels

SPACE = SPACES.get("srmd")
SMALL = {**SPACE.published["SRMD"].choices, "layers": 3, "width": 16}


def test_the_chain_sees_the_image_the_blur_and_the_noise() -> None:
    network, image = SPACE.build(SMALL, 3, 1), torch.rand(2, 1, 4, 5)
    code, level = torch.rand(2, 15, 1, 1), torch.tensor([0.1, 0.2]).view(2, 1, 1, 1)
    told = torch.cat((image, code.expand(2, 15, 4, 5), level.expand(2, 1, 4, 5)), 1)
    assert torch.equal(network(image, code, level), F.pixel_shuffle(network.body(told), 3))


def test_without_being_told_there_is_no_blur_and_no_noise() -> None:
    network, image = SPACE.build(SMALL, 2, 1), torch.rand(2, 1, 4, 5)
    point = torch.zeros(1, 15, 15)
    point[0, 7, 7] = 1
    assert torch.allclose(network(image), network(image, network.encode(point), 0.0), atol=1e-6)
    assert not torch.allclose(network(image), network(image, noise=0.1))


def test_a_code_holds_the_kernel() -> None:
    network = SPACE.build(SMALL, 2, 1)
    kernels = gaussian_kernels(torch.tensor([[2.0, 2.0], [6.0, 1.0]]), torch.tensor([0.0, 0.4]), 15)
    again = (network.encode(kernels).flatten(1) @ network.basis).view(2, 15, 15)
    assert (again - kernels).abs().max() < 0.05 * kernels.max()


def test_clean_images_need_no_noise_plane() -> None:
    """128 channels of 3x3 read one plane less."""
    noisy, clean = (Architecture.published(f"srmd/{name}").build() for name in ("SRMD", "SRMDNF"))
    sizes = [sum(p.numel() for p in network.parameters()) for network in (noisy, clean)]
    assert sizes[0] - sizes[1] == 128 * 9


def test_the_basis_is_no_weight_and_can_be_the_authors() -> None:
    network, image = SPACE.build(SMALL, 2, 1), torch.rand(1, 1, 4, 5)
    assert "basis" not in network.state_dict()
    before = network(image)
    network.basis = torch.rand(15, 225)
    assert not torch.equal(network(image), before)


def test_the_authors_tensors_have_a_place() -> None:
    shapes = [(16, 17), (16, 16), (4, 16)]
    theirs = {f"model.{2 * i}.weight": torch.rand(o, n, 3, 3) for i, (o, n) in enumerate(shapes)}
    theirs |= {f"model.{2 * i}.bias": torch.rand(o) for i, (o, _) in enumerate(shapes)}
    assert not any(SPACE.build(SMALL, 2, 1).load_state_dict(SPACE.translate(theirs, 2, 1)))
