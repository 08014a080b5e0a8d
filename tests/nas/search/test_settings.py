from pathlib import Path
from typing import Any

import pytest
from searches import SPACES, Begin, settings

from nas.budget import Budget
from nas.errors import InputError
from nas.plugins.given import give_plugins
from nas.search.settings import read_settings, space_fingerprint


def test_settings_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("")
    plugins = give_plugins([str(tmp_path / "mine.py")])
    written = settings(plugins=plugins, storage="postgresql+psycopg://u@h/d")
    folder = tmp_path / "renamed"
    folder.mkdir()
    written.write(folder)
    read = read_settings(folder)
    assert (read.run, read.study, read.place) == ("renamed", "first", str(folder))
    assert read == written.model_copy(update={"run": "renamed", "place": str(folder)})
    assert read.fixed["image_skip"] is True
    assert [path.name for path in folder.iterdir()] == ["search.yaml"]


def test_what_was_left_of_the_space_and_the_size_are_remembered(tmp_path: Path) -> None:
    left: dict[str, Any] = {"cell1.width": (16, 32), "image_skip": (True,), "cell1.op": ("conv",)}
    settings(allow=left, hr_size=(1280, 1024)).write(tmp_path)
    read = read_settings(tmp_path)
    assert (read.allow, read.hr_size) == (left, (1280, 1024))
    assert read.allow["image_skip"] == (True,) and read.allow["image_skip"][0] is True
    assert read.searched.parameters()["cell1.width"] == (16, 32)


def test_objectives_are_remembered_in_their_order(tmp_path: Path) -> None:
    settings(objectives=("latency", "psnr", "memory")).write(tmp_path)
    assert [o.name for o in read_settings(tmp_path).objectives] == ["latency", "psnr", "memory"]


def test_budgets_are_parsed() -> None:
    assert settings().budgets == (Budget(300 * 10**9, "MACs"), Budget(900_000, "params"))


def test_of_two_budgets_of_one_unit_the_tighter_holds() -> None:
    both = settings(budgets=("300G-MACs", "33ms", "200G-MACs"))
    assert [str(limit) for limit in both.budgets] == ["200G-MACs", "33ms"]


@pytest.mark.parametrize(
    "change",
    [{"seed": -1}, {"seed": 2**31}, {"seed": True}, {"trials": "16"}, {"scale": 2.0}, {"budgets": ("1" * 26 + "ms",)}],
)
def test_what_is_no_number_or_out_of_range_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=rf"^search\.yaml: '{next(iter(change))}[.0-9]*': .*\.$") as error:
        settings(**change)
    assert len(str(error.value)) < 200


def test_a_run_goes_on_with_the_same_settings() -> None:
    settings().check_continues(settings())


@pytest.mark.parametrize(
    "change", [{"trials": 100}, {"stop_when_flat": 9}, {"data": "elsewhere/night"}, {"storage": "sqlite:///moved.db"}]
)
def test_more_trials_another_end_and_other_places_are_no_other_settings(change: dict[str, Any]) -> None:
    settings(**change).check_continues(settings())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, "seed is 0, not 1"),
        ({"budgets": ("200G-MACs",)}, r"budgets is \['300G-MACs', '900K-params'\], not \['200G-MACs'\]"),
        ({"fixed": {"image_skip": True}}, "fixed is .*cell1.width.*, not {'image_skip': True}"),
        ({"objectives": ("psnr", "params")}, r"objectives is \['psnr', 'macs'\], not \['psnr', 'params'\]"),
        ({"hr_size": (1280, 1024)}, r"hr_size is \[1280, 720\], not \[1280, 1024\]"),
        ({"allow": {"cell1.width": (16,)}}, r"allow.cell1.width is None, not \[16\]"),
        ({"sampler": "random", "seed": 1}, "sampler is 'tpe', not 'random'; seed is 0, not 1"),
    ],
)
def test_a_run_does_not_go_on_with_other_settings(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=rf"run 'first' has other settings \({named}\); choose another --run"):
        settings(**change).check_continues(settings())


def test_a_run_does_not_go_on_with_other_images() -> None:
    said = r"^The images in night are not those of the run 'first' \(fingerprint fedcba9876543210, not 0123456789abcdef"
    with pytest.raises(InputError, match=said):
        settings(data_fingerprint="fedcba9876543210").check_continues(settings())


def test_a_run_of_a_space_that_has_got_another_choice_since_says_what_can_be_done() -> None:
    with pytest.raises(InputError, match=r"has other choices than when the run 'first' began.*can still be shown"):
        settings(trials=100).check_continues(settings(space_fingerprint="0123456789abcdef"))


def test_what_differs_in_the_recipe_is_named() -> None:
    longer = settings().recipe.model_copy(update={"steps": 7}).model_dump()
    with pytest.raises(InputError, match=r"\(rungs is \[2700\], not \[7\]; recipe.steps is 2700, not 7\)"):
        settings(recipe=longer, rungs=(7,)).check_continues(settings())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"budget": "1G-MACs"}, "'budget'"),
        ({"trials": 0}, "'trials'"),
        ({"scale": "two"}, "'scale'"),
        ({"hr_size": (1280, 0)}, "'hr_size.1'"),
        ({"recipe": {"name": "brief"}}, "'recipe.steps'"),
        ({"objectives": ("psnr", "ssim")}, "'objectives': .*'psnr,ssim' can't be searched for"),
        ({"stop_when_flat": 0}, "'stop_when_flat'"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=rf"search\.yaml: {named}"):
        settings(**change)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text("run: [")
    with pytest.raises(InputError, match=r"search\.yaml is not a YAML document"):
        read_settings(tmp_path)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no run 'elsewhere'"):
        read_settings(tmp_path / "elsewhere")


def test_each_space_has_its_fingerprint() -> None:
    give_plugins([str(SPACES / "dots.py")])
    names = ("falsr", "moremnas", "dots")
    assert len({space_fingerprint(name) for name in names}) == 3
    assert space_fingerprint("dots") == space_fingerprint("slow")  # the same choices


def test_the_fingerprint_covers_what_was_left_of_the_space() -> None:
    few = space_fingerprint("falsr", {"cell1.width": (16, 32)})
    assert few == space_fingerprint("falsr", {"cell1.width": (32, 16)})
    assert len({few, space_fingerprint("falsr"), space_fingerprint("falsr", {"cell2.width": (16, 32)})}) == 3


def test_a_sampler_that_is_named_has_no_screen_but_those_that_are_named(begin: Begin) -> None:
    def chosen(**asked: Any) -> tuple[str, tuple[str, ...]]:
        settings = begin(**{"sampler": None, "run": "-".join(asked) or "default"} | asked)[0].settings
        return settings.sampler, settings.screens

    assert chosen() == ("local", ("surrogate:100",))
    assert chosen(sampler="random") == ("random", ())
    assert chosen(screens=("macs:9",)) == ("local", ("macs:9",))


def test_rungs_divide_the_recipe_by_three_unless_they_are_given(begin: Begin) -> None:
    def chosen(**asked: Any) -> tuple[tuple[int, ...], int]:
        settings = begin(**{"rungs": None, "run": "-".join(asked) or "default", "steps": 18} | asked)[0].settings
        return settings.rungs, settings.recipe.steps

    assert chosen() == ((2, 6, 18), 18)
    assert chosen(run="long", steps=54) == ((6, 18, 54), 54), "a rung of 2 steps would lie in the warm-up"
    assert chosen(reduction=2) == ((2, 4, 9, 18), 18)
    assert chosen(rungs=(3, 12)) == ((3, 12), 12)
    assert chosen(rungs=(), run="whole") == ((18,), 18)


def test_rungs_end_with_the_recipe(begin: Begin) -> None:
    with pytest.raises(InputError, match="the rungs must increase and end with the 2700 steps of the recipe"):
        settings(rungs=(100, 300))
    begin(rungs=(2, 4))
    with pytest.raises(InputError, match=r"rungs is \[2, 4\], not \[1, 4\]"):
        begin(rungs=(1, 4))
    begin(rungs=None)
