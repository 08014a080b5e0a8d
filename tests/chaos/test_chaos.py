"""Searches as users run them, killed, stopped, frozen and cut off from their database: they lose nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from chaos_kit.databases import programs
from chaos_kit.judge import Truth
from chaos_kit.plan import ChaosPlan, Outcome
from chaos_kit.run import disturb
from chaos_kit.searches import find_truth

SEEDS = 7
"""Published networks of the space, which every search tries first."""


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory, shared_tiny_data: Path) -> Truth:
    """What an undisturbed search has of every network."""
    return find_truth(tmp_path_factory.mktemp("truth") / "run", shared_tiny_data)


@pytest.mark.timeout(600)
def test_a_search_of_two_processes_that_is_killed_and_stopped_loses_nothing(
    tmp_path: Path, shared_tiny_data: Path
) -> None:
    truth = find_truth(tmp_path / "truth", shared_tiny_data, SEEDS)
    plan = ChaosPlan("sqlite", 0, SEEDS, ("kill a worker", "freeze long", "SIGTERM"), idle_ms=20, once_more=False)
    check(disturb(plan, tmp_path / "run", shared_tiny_data, truth), SEEDS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "events",
    [
        ("kill when a trial is taken", "kill the parent", "Ctrl-C twice"),
        ("lock", "freeze all", "kill all", "SIGHUP"),
        ("no writing", "kill a worker", "kill a worker", "kill a worker", "kill a worker", "Ctrl-C"),
    ],
    ids=", ".join,
)
def test_a_search_of_two_processes_survives(
    tmp_path: Path, shared_tiny_data: Path, truth: Truth, events: Sequence[str]
) -> None:
    check(disturb(ChaosPlan("sqlite", 1, 20, events), tmp_path / "run", shared_tiny_data, truth), 20)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "events",
    [
        ("stop the server", "kill a worker", "freeze long", "restart the server"),
        ("kill when a trial is taken", "freeze the server", "kill while it is away", "SIGTERM"),
    ],
    ids=", ".join,
)
def test_two_machines_with_a_server_survive(
    tmp_path: Path, shared_tiny_data: Path, truth: Truth, events: Sequence[str]
) -> None:
    try:
        programs()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    check(disturb(ChaosPlan("postgres", 1, 20, events), tmp_path / "run", shared_tiny_data, truth), 20)


def check(outcome: Outcome, networks: int) -> None:
    """What was asked for was done, and nothing is wrong."""
    assert outcome.faults == []
    assert outcome.verdict.networks == networks
    assert outcome.verdict.values > 2 * networks
    assert outcome.verdict.weights == outcome.verdict.trained > 0
