from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from nas.data.degradation import (
    DEGRADATIONS,
    Pipeline,
    degradation,
    get_degradation,
    label_of,
    low_resolution,
    name_of,
    named,
    self_contained,
)
from nas.data.synthetic import scene
from nas.errors import InputError

MINE = """# a camera of mine
operations:
  - blur: {sigma: [0.3, 0.8 scale]}
  - resize:
  - gaussian-noise: {level: 3}
"""


@pytest.fixture
def overshoot() -> Iterator[str]:
    """A function of a plugin."""

    @degradation("overshoot")
    def overshoot(hr: Tensor, scale: int) -> Tensor:
        return hr[..., ::scale, ::scale] * 3 - 1

    yield "overshoot"
    named._registered.pop("overshoot")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(MINE)
    return tmp_path / "mine.yaml"


def test_these_come_with_the_package() -> None:
    assert set(DEGRADATIONS) >= {"bicubic", "noise", "bsrgan", "second-order", "infrared"}
    assert len(DEGRADATIONS) == len(list(DEGRADATIONS))
    assert {name: each.is_random for name, each in DEGRADATIONS.items()} == {
        "bicubic": False, "noise": True, "bsrgan": True, "second-order": True, "infrared": True
    }  # fmt: skip
    assert all(each.label == each.name == name for name, each in DEGRADATIONS.items())


def test_adding_a_degradation_is_adding_one_function(overshoot: str) -> None:
    found = get_degradation(overshoot)
    assert not found.is_random
    assert found is DEGRADATIONS[overshoot]
    lr = low_resolution(scene(0, 32, 32), 2, overshoot)
    assert (lr.min(), lr.max()) == (0, 255)  # what it returns is clipped


@pytest.mark.parametrize("name", ["bicubic", "overshoot"])
def test_a_name_is_registered_once(name: str, overshoot: str) -> None:
    with pytest.raises(ValueError, match="already registered"):
        degradation(name)(lambda hr, scale: hr)


@pytest.mark.parametrize(("wrong", "message"), [("bicubik", "did you mean 'bicubic'"), ("zzz", "known are: .*bicubic")])
def test_an_unknown_name_is_answered_with_a_known_one(wrong: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        get_degradation(wrong)


def test_an_unknown_name_may_be_that_of_given_images() -> None:
    assert self_contained("real") == name_of("real") == label_of("real") == "real"


def test_a_file_is_a_degradation_of_its_name(mine: Path) -> None:
    told = self_contained(str(mine))
    assert told == {"name": "mine", **yaml.safe_load(MINE)}
    assert name_of(str(mine)) == name_of(told) == "mine"
    hr = torch.rand(2, 1, 16, 24)
    assert torch.equal(get_degradation(str(mine))(hr, 2), get_degradation(told)(hr, 2))


def test_a_file_may_name_itself(mine: Path) -> None:
    mine.write_text("name: night-camera\n" + MINE)
    assert name_of(str(mine)) == "night-camera"


def test_numbers_of_ones_own_degradation_carry_a_digest_of_what_it_does(mine: Path) -> None:
    label = label_of(str(mine))
    assert label.startswith("mine-")
    assert len(label) == len("mine-") + 8
    mine.write_text(MINE.replace("# a camera of mine", "# the same").replace("[0.3, ", "[0.30, "))
    assert label_of(str(mine)) == label
    mine.write_text(MINE.replace("level: 3", "level: 4"))
    assert label_of(str(mine)) != label


def test_numbers_of_a_plugin_carry_a_digest_of_its_function(overshoot: str) -> None:
    assert label_of(overshoot).startswith("overshoot-")


def test_images_made_by_another_version_of_an_operation_are_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = get_degradation("bsrgan").source
    assert before != get_degradation("second-order").source
    monkeypatch.setattr("inspect.getsource", lambda thing: f"another {thing}")
    assert get_degradation("bsrgan").source != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- resize:", r"mine\.yaml: a degradation must be a mapping with the field 'operations'"),
        ("name: x", r"mine\.yaml: a degradation must be a mapping with the field 'operations'"),
        ("operations: []", r"mine\.yaml: 'operations' must be a list of operations"),
        (
            "operation: [resize]\noperations: [resize]",
            "no field of a degradation named 'operation'; did you mean 'oper",
        ),
        ("name: a b\noperations: [resize]", "'a b' can't name a degradation"),
        ("range: half\noperations: [resize]", "'range' must be one of scene, type, but got 'half'"),
        ("operations: [resiz]", r"mine\.yaml: There is no operation named 'resiz'; did you mean 'resize'"),
        ("operations: [", r"mine\.yaml is not a YAML document"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(text: str, message: str, mine: Path) -> None:
    mine.write_text(text)
    for read in (get_degradation, self_contained, name_of, label_of):
        with pytest.raises(InputError, match=message):
            read(str(mine))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no file .*none\.yaml"):
        self_contained(str(tmp_path / "none.yaml"))


def test_a_description_reads_what_it_writes() -> None:
    for name in DEGRADATIONS:
        shipped = get_degradation(name)
        assert isinstance(shipped, Pipeline)
        plain = {"name": name, "range": shipped.range, "operations": [each.plain() for each in shipped.operations]}
        again = get_degradation(yaml.safe_load(yaml.safe_dump(plain)))
        assert again == Pipeline(name, shipped.operations, shipped.range)
