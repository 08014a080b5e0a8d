import torch
from torch import nn

from search_spaces.layers.distillation import FeatureDistillation


def test_every_step_puts_a_part_aside_and_refines_the_whole() -> None:
    block = FeatureDistillation(8, 3, activation=nn.ReLU(), steps=2)
    image = torch.rand(1, 8, 6, 7)
    refined = (block.refine[0](image) + image).relu()
    again = (block.refine[1](refined) + refined).relu()
    parts = [block.distil[0](image), block.distil[1](refined), block.rest(again)]
    assert torch.equal(block(image), block.merge(torch.cat([part.relu() for part in parts], dim=1)))


def test_the_parts_may_have_any_width() -> None:
    block = FeatureDistillation(8, 5, activation=nn.GELU(), steps=3)
    assert block.merge.in_channels == 20
    assert block(torch.rand(1, 8, 4, 4)).shape == (1, 8, 4, 4)
