import torch
from torch import nn

from search_spaces import SPACES, Architecture

SPACE = SPACES.get("dncnn")


def test_an_untrained_network_leaves_the_image_as_it_is() -> None:
    image = torch.rand(1, 1, 9, 8)
    assert torch.equal(Architecture.published("dncnn/DnCNN", 1).build()(image), image)


def test_the_output_is_the_image_less_the_noise() -> None:
    network = SPACE.build(SPACE.smallest, 1, 1)
    nn.init.normal_(network.residual[-1].weight)
    image = torch.rand(1, 1, 9, 8)
    assert torch.equal(network(image), image - network.residual(image))


def test_parameters_by_hand() -> None:
    """Convolutions with biases, and two parameters a channel where they are normalised."""
    for name, normalised in (("DnCNN", 2 * 64), ("DnCNN-folded", 0)):
        network = Architecture.published(f"dncnn/{name}", 1).build()
        expected = (9 * 64 + 64) + 15 * (64 * 9 * 64 + 64 + normalised) + (64 * 9 + 1)
        assert sum(p.numel() for p in network.parameters()) == expected


def test_the_authors_tensors_have_a_place() -> None:
    """As released: convolutions at every second place of one sequence."""
    network = Architecture.published("dncnn/DnCNN-folded", 1).build()
    shapes = [(64, 1), *[(64, 64)] * 15, (1, 64)]
    theirs = {f"model.{2 * i}.weight": torch.rand(o, n, 3, 3) for i, (o, n) in enumerate(shapes)}
    theirs |= {f"model.{2 * i}.bias": torch.rand(o) for i, (o, _) in enumerate(shapes)}
    network.load_state_dict(SPACE.translate(theirs, 1, 1))
    assert torch.equal(network.residual[32].bias, theirs["model.32.bias"])
