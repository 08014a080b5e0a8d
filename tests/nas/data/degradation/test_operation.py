from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from nas.data.degradation import OPERATIONS, Operation, operation
from nas.data.degradation.draws import Draws
from nas.data.degradation.operation import parse_operation
from nas.errors import InputError

from .laws import apply


@pytest.fixture
def darken() -> Iterator[str]:
    """An operation of a plugin."""
    OPERATIONS.names()  # so that the package's own are loaded before

    @operation("darken")
    class Darken(Operation):
        by: float = 0.5

        def apply(self, images: Tensor, draws: Draws) -> Tensor:
            return images * self.by

    yield "darken"
    OPERATIONS._members.pop("darken")


def test_adding_an_operation_is_adding_one_class(darken: str) -> None:
    image = torch.rand(1, 1, 4, 4)
    assert torch.equal(apply("darken: {by: 0.25}", image), image / 4)
    assert parse_operation({"darken": {"by": 0.25}}).plain() == {"darken": {"probability": 1.0, "by": 0.25}}
    with pytest.raises(InputError, match="'by' of 'darken' is wrong: Input should be a valid number"):
        parse_operation({"darken": {"by": "much"}})


def test_a_name_is_registered_once(darken: str) -> None:
    with pytest.raises(ValueError, match="'darken' is registered twice"):
        operation("darken")(OPERATIONS.get("jpeg"))
    assert OPERATIONS.get("jpeg").name == "jpeg"


def test_a_share_of_the_images_is_left_alone() -> None:
    images = torch.rand(400, 1, 4, 4)
    after = apply("quantise: {bits: 1, probability: 0.25}", images)
    changed = (after != images).flatten(1).any(1)
    assert int(changed.sum()) == pytest.approx(100, abs=35)
    assert torch.equal(after[changed], images[changed].round())


def test_a_resizing_operation_happens_to_all_of_a_batch_or_to_none() -> None:
    images = torch.rand(3, 1, 8, 8)
    sizes = [apply("resize: {factor: 0.5, probability: 0.5}", images, seed=seed).shape for seed in range(40)]
    assert set(sizes) == {(3, 1, 8, 8), (3, 1, 4, 4)}
    assert 8 < sizes.count((3, 1, 4, 4)) < 32


@pytest.mark.parametrize(
    ("written", "is_random"),
    [
        ("resize", False),
        ({"resize": {"methods": ["area", "bilinear"]}}, True),
        ({"resize": {"factor": [1, 2]}}, True),
        ({"blur": {"sigma": 1}}, False),
        ({"blur": {"sigma": [1, 2]}}, True),
        ({"blur": {"sigma": 1, "probability": 0.5}}, True),
        ({"jpeg": {"quality": 50}}, False),
        ({"gaussian-noise": {"level": 3}}, True),
        ({"sequence": ["resize", {"jpeg": {"quality": 50}}]}, False),
        ({"sequence": ["resize", {"jpeg": {"quality": [50, 51]}}]}, True),
        ({"shuffle": ["resize", "resize"]}, True),
    ],
)
def test_what_draws_nothing_is_not_random(written: object, is_random: bool) -> None:
    assert parse_operation(written).is_random == is_random


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"jpg": {"quality": 50}}, "no operation named 'jpg'; did you mean 'jpeg'"),
        ({"jpeg": {"qualty": 50}}, "no field of 'jpeg' named 'qualty'; did you mean 'quality'"),
        ({"jpeg": 50}, "the fields of 'jpeg' must be a mapping, but got 50"),
        ({"jpeg": {"quality": 0}}, r"'quality' of 'jpeg' is wrong: 0.0 must be a range within 1 to 100"),
        ({"jpeg": {"quality": "high"}}, "'quality' of 'jpeg' is wrong: 'high' is not a number"),
        ({"jpeg": {"quality": 50, "probability": 2}}, "'probability' of 'jpeg' is wrong"),
        ({"jpeg": {"quality": 50}, "resize": {}}, "an operation is written as its name with its fields"),
        (["jpeg"], "an operation is written as its name with its fields"),
        (None, "an operation is written as its name with its fields"),
    ],
)
def test_what_is_wrong_is_named(wrong: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_operation(wrong)
