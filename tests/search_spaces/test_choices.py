"""Flat choices become the dataclass of a family, with their types checked; and the allowed values in words."""

from dataclasses import dataclass

import pytest

from search_spaces.choices import Choices, Values, may_be, read_choices


@dataclass(frozen=True)
class Size:
    image_skip: bool
    width: int
    share: float
    activation: str

    @property
    def half(self) -> int:
        return self.width // 2


CHOICES: Choices = {"image_skip": False, "width": 8, "share": 0.5, "activation": "relu"}


def test_choices_are_read_by_their_names() -> None:
    assert read_choices(Size, CHOICES) == Size(image_skip=False, width=8, share=0.5, activation="relu")
    assert read_choices(Size, dict(reversed(CHOICES.items()))).half == 4


def test_choices_that_have_no_field_are_ignored() -> None:
    assert read_choices(Size, {**CHOICES, "depth": 3}) == read_choices(Size, CHOICES)


def test_a_prefix_chooses_the_cell() -> None:
    cells = {f"cell{i}.{name}": value for i in (1, 2) for name, value in CHOICES.items()}
    assert read_choices(Size, {**cells, "cell2.width": 16}, "cell2.").width == 16
    assert read_choices(Size, {**cells, "cell2.width": 16}, "cell1.").width == 8


def test_a_missing_choice_is_named() -> None:
    with pytest.raises(TypeError, match=r"The choice 'cell1\.image_skip' must be of type bool, not None"):
        read_choices(Size, CHOICES, "cell1.")


@pytest.mark.parametrize(("name", "value"), [("width", True), ("width", 8.0), ("image_skip", 1), ("share", 1)])
def test_a_value_of_another_type_is_refused_even_if_it_is_equal(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"The choice '{name}' must be of type .*, not {value}"):
        read_choices(Size, {**CHOICES, name: value})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (range(4, 65, 4), "may be 4 to 64 in steps of 4"),
        (range(1, 25), "may be 1 to 24"),
        (range(1, 4), "may be one of [1, 2, 3]"),
        (("relu", "prelu"), "may be one of ['relu', 'prelu']"),
    ],
)
def test_what_a_choice_may_be_is_said_in_words(values: Values, words: str) -> None:
    assert may_be(values) == words
