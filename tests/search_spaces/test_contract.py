import pytest
import torch
from contract import CASES, Case

from search_spaces import SPACES, SearchSpace


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.parametrize("space", list(SPACES), ids=lambda space: space.name)
def test_space(space: SearchSpace, case: Case) -> None:
    torch.manual_seed(0)
    case(space)
