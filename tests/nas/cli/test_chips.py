"""Searches for a chip, as a user makes them."""

from pathlib import Path

import pytest
import yaml

from nas.deploy.fit import fit
from nas.deploy.target import Target, load_target
from search_spaces import Architecture

from .conftest import Nas, Refused

CHIP = """title: Mine
compiler: none
opset: [13, 17]
channel_multiple: 16
operators: {Conv: {}, Relu: {}, Add: {}, Pad: {}, DepthToSpace: {}}
sources: {operators: its manual}
"""


def searched(nas: Nas, folder: Path, data: Path, *options: object) -> list[Architecture]:
    """Search by two processes, in two commands, and return the networks that were trained to the end."""
    command = ("search", "--budget", "3G-MACs", "--data", data, "--recipe", "tiny.yaml", "--run", "chip", "--jobs", 2)
    begun = nas(*command, *options, "--trials", 3)
    assert begun.code == 0, begun.errors
    assert " takes of " in begun.errors
    more = nas(*command, *options, "--trials", 5)
    assert more.code == 0, more.errors
    assert "5 of 5 candidates were tried" in more.errors
    return [
        Architecture.read(path) for path in sorted((folder / "results").glob("chip/candidates/*/architecture.yaml"))
    ]


def are_taken(networks: list[Architecture], chip: Target) -> bool:
    found = [fit(network, chip, (64, 48)) for network in networks]
    return bool(found) and not any(one.refused or chip.on_cpu(one.operators) for one in found)


def test_a_search_for_a_chip_of_the_user_draws_only_what_it_takes(nas: Nas, tmp_path: Path, tiny_data: Path) -> None:
    (tmp_path / "mine.yaml").write_text(CHIP)
    networks = searched(nas, tmp_path, tiny_data, "--space", "ecbsr", "--for", "mine.yaml")
    assert {network.choices["width"] % 16 for network in networks} == {0}
    assert are_taken(networks, load_target(str(tmp_path / "mine.yaml")))
    remembered = yaml.safe_load((tmp_path / "results" / "chip" / "search.yaml").read_text())
    assert remembered["allow"]["width"] == [16, 32, 48, 64]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_default_search_with_all_its_seeds_draws_only_what_a_chip_takes(
    nas: Nas, tmp_path: Path, tiny_data: Path
) -> None:
    assert are_taken(searched(nas, tmp_path, tiny_data, "--for", "rk3588"), load_target("rk3588"))


def test_a_chip_that_takes_nothing_of_a_space_is_one_sentence(refused: Refused, tiny_data: Path) -> None:
    said = refused("search", "--budget", "3G-MACs", "--space", "swinir", "--data", tiny_data, "--for", "plain")
    assert said.startswith(
        "Convolutions alone takes no small network of 'swinir'; nas cost --for plain --ops shows why"
    )
