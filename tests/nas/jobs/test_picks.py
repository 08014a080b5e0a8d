"""Which networks of a front are trained, and why."""

import pytest
from searches import Begin
from studies import add

from nas.errors import InputError
from nas.jobs.picks import Picking, pick
from nas.search.front import knee
from nas.search.run import Run


def words(run: Run, asked: Picking) -> list[str]:
    return [found.in_words for found in pick(run, asked)]


@pytest.fixture
def run(begin: Begin) -> Run:
    """A run within 300M MACs with a front of four networks: the third is the knee."""
    run, _ = begin()
    first = add(run, 1, 30.0, 40e6)
    for width, psnr, macs in ((2, 30.4, 100e6), (3, 30.9, 160e6), (4, 31.0, 280e6), (5, 30.3, 250e6)):
        add(run, width, psnr, macs)
    bend = knee(run.candidates(), run.settings.objectives)
    assert bend is not None and bend.trial == first + 2
    return run


def named(run: Run, width: int) -> str:
    return next(c.label for c in run.candidates() if c.architecture.choices["width"] == width)


def test_without_options_the_knee_and_the_best_within_the_budget_and_half_of_it_are_chosen(run: Run) -> None:
    assert words(run, Picking()) == [
        f"Chosen: {named(run, 4)} (best within 300M MACs)",
        f"Chosen: {named(run, 3)} (knee)",
        f"Chosen: {named(run, 2)} (best within 150M MACs)",
    ]


def test_a_network_that_is_chosen_twice_is_trained_once_for_both_reasons(run: Run) -> None:
    add(run, 6, 31.2, 140e6)
    add(run, 7, 31.3, 290e6)
    assert words(run, Picking()) == [
        f"Chosen: {named(run, 7)} (best within 300M MACs)",
        f"Chosen: {named(run, 6)} (knee, best within 150M MACs)",
    ]


def test_the_knee_and_budgets_may_be_named(run: Run) -> None:
    assert words(run, Picking(knee=True)) == [f"Chosen: {named(run, 3)} (knee)"]
    within = [f"Chosen: {named(run, 2)} (best within 120M MACs)", f"Chosen: {named(run, 1)} (best within 50M MACs)"]
    assert words(run, Picking(under=("50M-MACs", "120M-MACs"))) == within
    assert len(pick(run, Picking(knee=True, under=("20-params",)))) == 2


def test_several_say_what_they_are_for(run: Run) -> None:
    assert [found.whys for found in pick(run, Picking(top=3))] == [
        ("best",),
        ("widens the front",),
        ("cheapest of the range",),
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Picking(top=2, knee=True), "^--top excludes --knee and --under; give --top, or the others.$"),
        (Picking(top=2, under=("5G-MACs",)), "^--top excludes --knee and --under"),
        (Picking(under=("5M-MACs",)), r"^No network of the run 'first' fits 5M-MACs; the cheapest has 40.00M MACs\.$"),
        (Picking(under=("5",)), "'5' is not a budget"),
        (Picking(under=("9ms",)), "latency of first:.* is not known"),
    ],
)
def test_what_can_not_be_chosen_is_said_in_a_sentence(run: Run, asked: Picking, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pick(run, asked)


def test_a_front_of_two_has_no_knee(begin: Begin) -> None:
    run, _ = begin()
    add(run, 1, 30.0, 40e6)
    add(run, 2, 31.0, 80e6)
    with pytest.raises(InputError, match=r"has no knee, since it has fewer than three networks \(2\); give --under or"):
        pick(run, Picking(knee=True))
    assert words(run, Picking()) == [f"Chosen: {named(run, 2)} (best within 300M MACs, best within 150M MACs)"]
