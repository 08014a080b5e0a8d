from collections import Counter
from itertools import permutations

import pytest
import torch
import yaml

from nas.data.degradation.combinators import Shuffle
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import parse_operation
from nas.errors import InputError

from .laws import apply

FOUR = ["blur: {sigma: 1}", "jpeg: {quality: 50}", "gaussian-noise: {level: 1}", "row-noise: {level: 1}"]


def orders(operations: list[str], count: int) -> Counter[tuple[int, ...]]:
    shuffle = parse_operation({"shuffle": [yaml.safe_load(text) for text in operations]})
    assert isinstance(shuffle, Shuffle)
    draws = Draws.of_batch(torch.zeros(1, 1, 4, 4), 1, torch.Generator().manual_seed(0))
    return Counter(tuple(shuffle.drawn_order(draws)) for _ in range(count))


def test_every_order_is_as_likely_as_the_others() -> None:
    drawn = orders(FOUR, 2400)
    assert set(drawn) == set(permutations(range(4)))
    assert max(abs(count - 100) for count in drawn.values()) < 45


def test_operations_that_resize_keep_their_order() -> None:
    drawn = orders(["resize: {factor: 1.5}", *FOUR[:2], "sequence: [resize: {}, jpeg: {quality: 9}]"], 2400)
    assert set(drawn) == {order for order in permutations(range(4)) if order.index(0) < order.index(3)}
    assert max(abs(count - 200) for count in drawn.values()) < 65


def test_a_shuffle_applies_each_operation_once() -> None:
    noise = apply("shuffle: [gaussian-noise: {level: 3}, row-noise: {level: 4}]", torch.zeros(40, 1, 64, 64)) * 255
    assert float(noise.std()) == pytest.approx(5, rel=0.05)


def test_order_matters() -> None:
    image = torch.rand(1, 1, 32, 32)
    shuffle = "shuffle: [blur: {sigma: 1}, quantise: {bits: 2}]"
    assert len({apply(shuffle, image, seed=seed).sum().item() for seed in range(12)}) == 2


def test_one_of_several_happens_to_each_image_in_proportion_to_the_weights() -> None:
    one_of = "one-of: {weights: [3, 1, 0], operations: [agc: {bits: 2}, quantise: {bits: 1}, quantise: {bits: 16}]}"
    image = torch.rand(1, 1, 6, 6)
    after = apply(one_of, image.expand(400, -1, -1, -1))
    expected = [apply(text, image)[0] for text in ("agc: {bits: 2}", "quantise: {bits: 1}")]
    counts = [sum(bool(torch.equal(one, wanted)) for one in after) for wanted in expected]
    assert sum(counts) == 400
    assert counts[0] == pytest.approx(300, abs=40)


def test_one_of_several_sizes_is_drawn_for_the_whole_batch() -> None:
    one_of = "one-of: [resize: {factor: 0.5}, resize: {factor: 2}]"
    sizes = {apply(one_of, torch.rand(3, 1, 8, 8), seed=seed).shape for seed in range(12)}
    assert sizes == {(3, 1, 4, 4), (3, 1, 16, 16)}


def test_a_sequence_is_its_operations_one_after_the_other() -> None:
    image = torch.rand(2, 1, 16, 16)
    expected = apply("quantise: {bits: 3}", apply("blur: {sigma: 1}", image))
    assert torch.equal(apply("sequence: [blur: {sigma: 1}, quantise: {bits: 3}]", image), expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"shuffle": []}, "'operations' must be a list of operations, but got"),
        ({"one-of": {"weights": [1], "operations": ["resize", "resize"]}}, "2 operations need as many weights"),
        ({"one-of": {"weights": [0, 0], "operations": ["resize", "resize"]}}, "2 operations need as many weights"),
        ({"shuffle": [{"one-of": [{"jpeg": {"qualty": 9}}]}]}, "no field of 'jpeg' named 'qualty'; did you mean"),
        ({"sequence": [{"jpg": None}]}, "no operation named 'jpg'; did you mean 'jpeg'"),
    ],
)
def test_what_is_wrong_inside_is_named(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_operation(wrong)
