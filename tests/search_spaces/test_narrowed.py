from pathlib import Path
from typing import ClassVar, get_origin

import optuna
import pytest
from torch import nn

from search_spaces import SPACES, Architecture, Choices, Claim, Published, SearchSpace, SpaceError, Values
from search_spaces.narrowed import NarrowedSpace, narrowed, read_space

FALSR = SPACES.get("falsr")


class Ladder(SearchSpace):
    """A space with an order, categories, a truth value that is pinned, and a choice without effect."""

    name: ClassVar[str] = "ladder"
    summary: ClassVar[str] = "for tests"
    options: ClassVar[dict[str, Values]] = {
        "skip": (False, True),
        "width": range(8, 65, 8),
        "block": ("conv", "group", "invert"),
        "idle": (0, 1, 2),
    }
    smallest: ClassVar[Choices] = {"skip": False, "width": 8, "block": "group", "idle": 0}
    pinned: ClassVar[Choices] = {"skip": True}
    published: ClassVar = {
        "Low": Published({"skip": False, "width": 16, "block": "conv", "idle": 0}, Claim("nowhere")),
        "High": Published({"skip": False, "width": 64, "block": "conv", "idle": 0}, Claim("nowhere")),
    }

    def canonical(self, choices: Choices) -> Choices:
        return {**choices, "idle": 0}

    def count(self) -> int:
        return 2 * 8 * 3

    def network(self, choices: Choices, scale: int, channels: int) -> nn.Module:
        return nn.Upsample(scale_factor=scale)


def ladder(**allow: tuple[object, ...]) -> NarrowedSpace:
    return NarrowedSpace(Ladder(), allow)


def write(folder: Path, text: str) -> str:
    path = folder / "my.yaml"
    path.write_text(text)
    return str(path)


def test_patterns_leave_choices_some_of_their_values(tmp_path: Path) -> None:
    allow = '{"cell*.width": [32, 16], "cell[12].op": [conv, invert], cell3.repeats_log2: {max: 1}}'
    space = read_space(write(tmp_path, f'space: falsr\nallow: {allow}\nfix: {{"cell?.kernel": 3}}\n'))
    left = space.parameters()
    assert {left[f"cell{i}.width"] for i in range(1, 8)} == {(16, 32)}
    assert {left[f"cell{i}.kernel"] for i in range(1, 8)} == {(3,)}
    assert left["cell2.op"] == ("conv", "invert")
    assert left["cell3.op"] == FALSR.parameters()["cell3.op"]
    assert left["cell3.repeats_log2"] == (0, 1)
    assert list(left) == list(FALSR.parameters())


def test_entries_that_match_one_choice_narrow_it_one_after_the_other(tmp_path: Path) -> None:
    text = 'space: falsr\nallow: {"cell*.width": [16, 32, 64], "cell1.*dth": {min: 32}}\nfix: {cell2.width: 64}\n'
    left = read_space(write(tmp_path, text)).parameters()
    assert (left["cell1.width"], left["cell2.width"], left["cell3.width"]) == ((32, 64), (64,), (16, 32, 64))


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ("{min: 20, max: 50}", (32, 48)),
        ("{step: 32}", (16, 48)),
        ("{min: 20, step: 32}", (32, 64)),
        ("{max: 16}", (16,)),
    ],
)
def test_limits_of_an_ordered_choice(tmp_path: Path, limits: str, left: tuple[int, ...]) -> None:
    space = read_space(write(tmp_path, f"space: falsr\nallow: {{cell1.width: {limits}}}\n"))
    assert space.parameters()["cell1.width"] == left


def test_evenly_spaced_numbers_stay_ordered_and_others_become_categories() -> None:
    assert ladder(width=(16, 32, 48)).options["width"] == range(16, 49, 16)
    assert ladder(width=(24,)).options["width"] == range(24, 25)
    assert ladder(width=(8, 16, 64)).options["width"] == (8, 16, 64)
    assert ladder(idle=(0, 1)).options["idle"] == (0, 1)


def test_an_architecture_is_one_of_the_base_space() -> None:
    space = NarrowedSpace(FALSR, {f"cell{i}.width": (16,) for i in range(1, 8)})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(5):
        choices = space.suggest(study.ask())
        assert {choices[f"cell{i}.width"] for i in range(1, 8)} == {16}
        architecture = Architecture(space.name, 2, 1, choices)
        architecture.check()
        assert Architecture.from_yaml(architecture.to_yaml()) == architecture
        assert architecture.space == "falsr"


def test_what_was_left_out_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"'width' may be one of \[8, 16\], not 24"):
        ladder(width=(8, 16)).build({**Ladder.smallest, "width": 24}, 2, 1)


def test_published_points_inside_are_kept() -> None:
    assert list(ladder().published) == ["Low", "High"]
    assert list(ladder(width=(8, 16)).published) == ["Low"]
    assert list(ladder(block=("invert",)).published) == []


def test_a_choice_that_the_base_pins_stays_pinned_until_it_is_named() -> None:
    assert ladder(width=(8, 16)).pinned == {"skip": True}
    assert ladder(skip=(False, True)).pinned == {}
    assert ladder(skip=(False,)).pinned == {"skip": False}


def test_published_points_are_taken_as_a_search_trains_them() -> None:
    """They have no skip; held on, it does not take them out."""
    assert list(ladder(skip=(True,)).published) == ["Low", "High"]


def test_the_smallest_takes_what_is_near_where_its_own_values_are_out() -> None:
    assert ladder(block=("conv", "group")).smallest == Ladder.smallest
    changed = ladder(width=(32, 64), block=("invert", "conv"))
    assert changed.smallest == {**Ladder.smallest, "width": 32, "block": "conv"}
    changed.check(changed.smallest)
    assert changed.excluded == ("width", "block")


def test_few_combinations_are_counted_and_many_are_bounded() -> None:
    assert (ladder(width=(8, 16)).count(), ladder(width=(8, 16)).is_counted) == (2 * 2 * 3, True)
    many = NarrowedSpace(FALSR, {"cell1.width": (16, 32)})
    assert not many.is_counted
    assert many.count() == FALSR.count()  # twice as many combinations, yet no more than there are in all
    fewer = NarrowedSpace(FALSR, {f"cell{i}.width": (16,) for i in range(1, 8)})
    assert fewer.count() == 2 * 48**7 * 2**28


def test_nothing_is_folded_where_the_base_folds_nothing() -> None:
    class Plain(Ladder):
        options: ClassVar[dict[str, Values]] = {**Ladder.options, "width": range(1, 3001)}

        def count(self) -> int:
            return 2 * 3000 * 3 * 3

    space = NarrowedSpace(Plain(), {"width": tuple(range(1, 1501))})
    assert (space.count(), space.is_counted) == (2 * 1500 * 3 * 3, True)


def test_it_is_built_again_from_what_it_allows() -> None:
    first = NarrowedSpace(FALSR, {"cell1.width": [64, 16], "image_skip": [True, False]})
    again = narrowed("falsr", first.allow)
    assert isinstance(again, NarrowedSpace)
    assert first.allow == again.allow == {"cell1.width": (16, 64), "image_skip": (False, True)}
    assert (again.options, again.pinned) == (first.options, first.pinned)
    assert narrowed("falsr", {}) is FALSR


def test_a_name_that_is_no_file_is_that_of_a_space() -> None:
    assert read_space("falsr") is FALSR


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("space: falser", r"There is no space named 'falser'; did you mean 'falsr'\?"),
        ("allow: {cell1.width: [16]}", "A narrowed space needs 'space', the name of a space"),
        ("- falsr", "A narrowed space needs 'space', the name of a space"),
        ("space: falsr\nallows: {}", r"no field of a narrowed space named 'allows'; did you mean 'allow'\?"),
        ('space: falsr\nallow: {"cell*.widht": [16]}', r"no choice of the space 'falsr' named 'cell\*.widht'; did you"),
        ("space: falsr\nallow: {cell1.width: [17]}", r"'cell1.width' may be one of \[16, 32, 48, 64\], not 17"),
        ("space: falsr\nallow: {image_skip: [1]}", r"'image_skip' may be one of \[False, True\], not 1"),
        ("space: falsr\nallow: {cell1.width: []}", "'cell1.width' leaves no value to the choice 'cell1.width'"),
        ("space: falsr\nallow: {cell1.width: {min: 65}}", "'cell1.width' leaves no value to the choice 'cell1.width'"),
        (
            'space: falsr\nallow: {cell1.width: [16]}\nfix: {"cell*.width": 32}',
            r"'cell\*.width' leaves no value to the choice 'cell1.width'; it may be one of",
        ),
        ("space: falsr\nallow: {cell1.op: {min: 1}}", "'cell1.op' has no order, so it takes a list"),
        ("space: falsr\nallow: {cell1.width: {mni: 1}}", r"no limit of a choice named 'mni'; did you mean 'min'\?"),
        ("space: falsr\nallow: {cell1.width: {min: wide}}", "'min' of the choice 'cell1.width' must be an integer"),
        ("space: falsr\nallow: {cell1.width: {step: 24}}", "must be a multiple of 16, not 24"),
        ("space: falsr\nallow: {cell1.width: 16}", "takes a list of values or {min, max, step} for 'cell1.width'"),
        ("space: falsr\nallow: [16]", r"'allow' must map names of choices to values, not \[16\]"),
        ("space: falsr\nfix: {cell1.width: [16]}", r"'fix' takes one value for 'cell1.width', not \[16\]"),
        ("space: [", "is not a YAML document"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_the_file(tmp_path: Path, text: str, why: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SpaceError, match=why) as refusal:
        read_space(path)
    said = str(refusal.value)
    assert said.startswith(path) and "\n" not in said and said[-1] in ".?"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SpaceError, match=r"There is no file gone\.yaml\."):
        read_space("gone.yaml")


def test_seeds_are_those_that_lie_inside() -> None:
    allow = {"cell1.block": ("ecb",), "cell6.kernel": (3,), "cell5.kernel": (5, 7), "width": (8, 16)}
    families = NarrowedSpace(SPACES.get("hybrid"), allow).seed_families
    sizes = {name: dict(family.sizes()) for name, family in families.items()}
    assert not sizes["plain"] and not sizes["EDSR"], "their first cell has another block"
    assert {choices["width"] for choices in sizes["SESR"].values()} == {8, 16}
    assert list(sizes["SESR"])[-1] == "x16, 16 ch", "with more blocks, the fifth cell would have a kernel of 3"
    assert sizes["SESR"]["x16, 16 ch"]["cell5.kernel"] == 5, "without a block, its kernel has no effect"


def test_a_narrowed_space_declares_all_that_its_base_does() -> None:
    base = SPACES.get("hybrid")
    space = NarrowedSpace(base, {"width": (16,)})
    declared = {name for name, kind in SearchSpace.__annotations__.items() if get_origin(kind) is ClassVar}
    assert {"luma", "later", "seed_families"} <= declared <= vars(space).keys()
    assert space.luma is base.luma and space.later == base.later
