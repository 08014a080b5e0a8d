"""Networks by name: built, listed and counted."""

from pathlib import Path

import pytest
import torch

import nas
from search_spaces import SPACES, Architecture


@pytest.mark.parametrize("scale", [2, 4])
def test_a_published_network_is_built_at_a_scale(scale: int) -> None:
    network = nas.create_network("carn/CARN-M", scale=scale, channels=3)
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 12, 12)).shape == (1, 3, 12 * scale, 12 * scale)


def test_torchs_seed_decides_the_weights() -> None:
    torch.manual_seed(7)
    first = nas.create_network("espcn/ESPCN").state_dict()
    torch.manual_seed(7)
    again = nas.create_network("espcn/ESPCN").state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_whatever_has_an_architecture_names_it(here: Path) -> None:
    found = nas.open("first").front()[0]
    (here / "own.yaml").write_text(found.architecture.to_yaml())
    costs = [nas.cost(name) for name in (found, found.architecture, f"first:{found.trial}", "own.yaml", found.folder)]
    assert costs == [costs[0]] * 5
    assert nas.cost(nas.load("camera")).macs == nas.cost("espcn/ESPCN", scale=2).macs


def test_the_size_is_told_as_on_the_command_line_or_by_two_numbers() -> None:
    assert nas.cost("ecbsr/M4C8", scale=2, lr=(640, 512)) == nas.cost("ecbsr/M4C8", scale=2, hr="1280x1024")


def test_all_spaces_are_listed() -> None:
    listed = nas.list_spaces()
    assert [space.name for space in listed] == SPACES.names()
    for space in listed:
        for point in space.published[:1]:
            assert Architecture.published(f"{space.name}/{point}").space == space.name


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("falsr/FALSR-D", {}, "FALSR-D"),
        ("nothing", {}, "There is no architecture 'nothing'"),
        ("falsr/FALSR-B", {"scale": 0}, "scale must be a whole number of at least 1, not 0"),
        ("falsr/FALSR-B", {"scale": 7}, "7"),
    ],
)
def test_what_is_wrong_is_an_input_error(name: str, options: dict[str, int], sentence: str) -> None:
    for function in (nas.create_network, nas.cost):
        with pytest.raises(nas.InputError, match=sentence):
            function(name, **options)  # type: ignore[operator]


def test_an_image_that_is_too_small_is_an_input_error() -> None:
    with pytest.raises(nas.InputError, match="too small"):
        nas.cost("falsr/FALSR-B", hr=(1, 1))
