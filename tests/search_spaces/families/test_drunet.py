import torch

from search_spaces import SPACES

SPACE = SPACES.get("drunet")
SMALL = {"width": 8, "levels": 4, "blocks": 2}


def test_the_u_net_sees_the_image_and_its_noise_level() -> None:
    network, image = SPACE.build(SMALL, 1, 1), torch.rand(2, 1, 8, 16)
    level = torch.tensor([0.1, 0.2]).view(2, 1, 1, 1)
    assert torch.equal(network(image, level), network.unet(torch.cat((image, level.expand_as(image)), 1)))


def test_the_noise_level_is_that_of_the_network_unless_given() -> None:
    network, image = SPACE.build(SMALL, 1, 1), torch.rand(1, 1, 8, 8)
    assert torch.equal(network(image), network(image, 15 / 255))
    network.noise = 0.2
    assert torch.equal(network(image), network(image, 0.2))


def test_the_authors_tensors_have_a_place() -> None:
    widths = (8, 16, 32, 64)
    blocks = {f"m_body.{i}": 64 for i in range(2)}
    blocks |= {f"m_down{level + 1}.{i}": widths[level] for level in range(3) for i in range(2)}
    blocks |= {f"m_up{level + 1}.{i + 1}": widths[level] for level in range(3) for i in range(2)}
    theirs = {f"{name}.res.{i}.weight": torch.rand(w, w, 3, 3) for name, w in blocks.items() for i in (0, 2)}
    theirs |= {"m_head.weight": torch.rand(8, 2, 3, 3), "m_tail.weight": torch.rand(1, 8, 3, 3)}
    for level in range(3):
        theirs[f"m_down{level + 1}.2.weight"] = torch.rand(widths[level + 1], widths[level], 2, 2)
        theirs[f"m_up{level + 1}.0.weight"] = torch.rand(widths[level + 1], widths[level], 2, 2)
    network = SPACE.build(SMALL, 1, 1)
    network.load_state_dict(SPACE.translate(theirs, 1, 1))
    assert torch.equal(network.unet.up[2][0].weight, theirs["m_up3.0.weight"])
