import pytest
import torch

from nas.errors import InputError
from nas.training.devices import pick_device


def test_a_device_is_picked_by_name_or_by_what_is_there() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["bananas", "cuda:99", ""])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(InputError, match=f"The device '{name}' is not there"):
        pick_device(name)
