import numpy as np
import pytest

from nas.deploy.fit import fit
from nas.deploy.narrowing import LR, in_words, narrowed_for
from nas.deploy.target import load_target
from nas.errors import InputError
from search_spaces import SPACES, Architecture
from search_spaces.narrowed import narrowed


def test_values_that_a_chip_does_not_take_are_left_out() -> None:
    space = SPACES.get("ecbsr")
    chip = load_target("plain").model_copy(update={"channel_multiple": 16})
    left = narrowed_for(space, chip, 2)
    assert tuple(left.options["width"]) == (16, 32, 48, 64)
    assert left.options["activation"] == space.options["activation"]  # PReLU becomes ReLUs
    assert set(left.published) == {"M4C16", "M10C16", "M10C32", "M16C64"}
    assert in_words(left, space, chip) == "Convolutions alone takes of 'ecbsr': width 16, 32, 48, 64."


def test_a_space_that_is_taken_whole_stays_as_it_is() -> None:
    space = SPACES.get("espcn")
    runtime = load_target("onnxruntime")
    assert narrowed_for(space, runtime, 2) is space
    assert in_words(space, space, runtime) == "ONNX Runtime, CPU takes of 'espcn': everything."


def test_a_narrowed_space_is_narrowed_further() -> None:
    mine = narrowed("ecbsr", {"width": (8, 16), "blocks": (1, 2)})
    left = narrowed_for(mine, load_target("plain").model_copy(update={"channel_multiple": 16}), 2)
    assert tuple(left.options["width"]) == (16,)
    assert left.options["blocks"] == mine.options["blocks"]


def test_a_chip_that_takes_no_network_is_one_sentence() -> None:
    with pytest.raises(InputError, match="takes no small network of 'swinir'; nas cost --for plain --ops shows why"):
        narrowed_for(SPACES.get("swinir"), load_target("plain"), 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "rk3588"])
def test_random_networks_of_hybrid_are_taken_whole(name: str) -> None:
    chip, rng = load_target(name), np.random.default_rng(0)
    left = narrowed_for(SPACES.get("hybrid"), chip, 2)
    assert "window" not in left.options["cell1.block"]
    assert {"plain", "SESR", "EDSR"} <= {family for family, seeds in left.seed_families.items() if list(seeds.sizes())}
    for _ in range(20):
        choices = {key: values[int(rng.integers(len(values)))] for key, values in left.options.items()}
        found = fit(Architecture("hybrid", 2, 1, {**choices, **left.pinned}), chip, LR)
        assert (found.refused, chip.on_cpu(found.operators)) == ([], [])
