import torch
from torch.nn import functional as F

from search_spaces import SPACES, Architecture

SPACE = SPACES.get("ffdnet")


def test_a_chain_sees_four_pixels_and_the_noise_level_at_each_place() -> None:
    network = SPACE.build(SPACE.smallest, 1, 3)
    image = torch.rand(2, 3, 6, 8)
    level = torch.tensor([0.1, 0.2]).view(2, 1, 1, 1)
    told = torch.cat((F.pixel_unshuffle(image, 2), level.expand(2, 1, 3, 4)), 1)
    assert torch.equal(network(image, level), F.pixel_shuffle(network.body(told), 2))


def test_the_noise_level_is_that_of_the_network_unless_given() -> None:
    network, image = SPACE.build(SPACE.smallest, 1, 1), torch.rand(1, 1, 8, 8)
    assert torch.equal(network(image), network(image, 15 / 255))
    network.noise = 0.2
    assert torch.equal(network(image), network(image, noise=torch.full((1, 1, 1, 1), 0.2)))
    assert not torch.equal(network(image), network(image, 0.1))


def test_an_odd_border_is_repeated_and_cropped() -> None:
    network, image = SPACE.build(SPACE.smallest, 1, 1), torch.rand(1, 1, 7, 5)
    assert torch.equal(network(image), network(F.pad(image, (0, 1, 0, 1), mode="replicate"))[..., :7, :5])


def test_the_authors_tensors_have_a_place() -> None:
    network = Architecture.published("ffdnet/FFDNet", 1).build()
    shapes = [(64, 5), *[(64, 64)] * 13, (4, 64)]
    theirs = {f"model.{2 * i}.weight": torch.rand(o, n, 3, 3) for i, (o, n) in enumerate(shapes)}
    theirs |= {f"model.{2 * i}.bias": torch.rand(o) for i, (o, _) in enumerate(shapes)}
    assert not any(network.load_state_dict(SPACE.translate(theirs, 1, 1)))
