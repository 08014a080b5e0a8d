from pathlib import Path

import pytest

from search_spaces import SPACES, Architecture, SpaceError, UnknownNameError

POINT = Architecture.published("moremnas/MoreMNAS-C")


def test_it_prints_as_the_yaml_of_its_fields() -> None:
    lines = POINT.to_yaml().splitlines()
    assert lines[:4] == ["space: moremnas", "scale: 2", "channels: 1", "choices:"]
    assert "  cell1.op: invert" in lines


def test_a_file_gives_it_back(tmp_path: Path) -> None:
    path = tmp_path / "architecture.yaml"
    path.write_text(POINT.to_yaml())
    assert Architecture.read(path) == POINT


def test_equal_networks_hash_equal_and_give_the_same_seed() -> None:
    twin = POINT.replaced(**{"cell5.skip": True})  # one repeat: no effect
    assert twin == POINT and twin.choices != POINT.choices
    assert (twin.fingerprint, hash(twin), twin.seed) == (POINT.fingerprint, hash(POINT), POINT.seed)
    assert 0 <= POINT.seed < 2**31


def test_fingerprints_stay_what_they_were() -> None:
    """They name checkpoints and find known networks in old studies."""
    assert POINT.fingerprint == "5cc023e680d31794"


def test_replacing_choices_leaves_the_original_alone() -> None:
    other = POINT.replaced(image_skip=True)
    assert (POINT.choices["image_skip"], other.choices["image_skip"]) == (False, True)


def test_changing_the_choices_of_a_published_point_does_not_change_the_space() -> None:
    mine = Architecture.published("moremnas/MoreMNAS-C")
    mine.choices["image_skip"] = True
    assert not SPACES.get("moremnas").published["MoreMNAS-C"].choices["image_skip"]


@pytest.mark.parametrize("field", ["space", "scale", "channels", "choices"])
def test_a_missing_field_is_named(field: str) -> None:
    data = {name: value for name, value in POINT.to_dict().items() if name != field}
    with pytest.raises(SpaceError, match=f"needs '{field}'"):
        Architecture.from_dict(data)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scale": "2"}, r"needs 'scale' \(int\), not '2'"),
        ({"scale": 2.0}, "needs 'scale'"),
        ({"channels": True}, "needs 'channels'"),
        ({"choices": []}, "needs 'choices'"),
        ({"depth": 3}, "no field 'depth'"),
        ({"choices": {1: True}}, "no choice of the space 'moremnas' named '1'"),
    ],
)
def test_a_wrong_field_is_named(changed: dict[str, object], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Architecture.from_dict({**POINT.to_dict(), **changed})


@pytest.mark.parametrize("data", [None, 3, "falsr", [POINT.to_dict()]])
def test_what_is_no_mapping_is_refused(data: object) -> None:
    with pytest.raises(SpaceError, match="must be a mapping"):
        Architecture.from_dict(data)


def test_an_unknown_space_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="no space named 'flasr'; did you mean 'falsr'"):
        Architecture.from_dict({**POINT.to_dict(), "space": "flasr"})
    with pytest.raises(UnknownNameError, match="no space named 'flasr'; did you mean 'falsr'"):
        Architecture.published("flasr/FALSR-A")


@pytest.mark.parametrize("text", ["{", "a: b: c", "!!python/object/apply:os.getcwd []"])
def test_a_document_that_is_not_plain_yaml_is_refused(text: str) -> None:
    with pytest.raises(SpaceError, match=r"The architecture(,| is not a YAML document)"):
        Architecture.from_yaml(text)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"{", POINT.to_yaml().replace("moremnas", "mormnas").encode()])
def test_an_error_in_a_file_names_the_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "architecture.yaml"
    path.write_bytes(content)
    with pytest.raises(SpaceError, match=str(path)):
        Architecture.read(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"gone\.yaml"):
        Architecture.read(tmp_path / "gone.yaml")
