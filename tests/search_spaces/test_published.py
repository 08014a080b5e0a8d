"""The published claims of a network in words: what the figures refer to, and how they were counted."""

import pytest

from search_spaces import Claim
from search_spaces.published import COLOUR, UNEXPLAINED, Counting, Rule

WEIGHTS = Counting(rules=(Rule.NO_BIASES, Rule.NO_SLOPES))


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (Claim("a paper"), "x2, HR 1280x720"),
        (Claim("a paper", scale=4, lr=(32, 32)), "x4, LR 32x32"),
        (Claim("a paper", hr=(128, 128)), "x2, HR 128x128"),
        (Claim("a paper", 25_000, scale=3), "x3"),
        (Claim("a paper", 25_000, psnr=30.0, scale=3), "x3, HR 1280x720"),
        (Claim("a paper", scale=1), "denoising, 1280x720"),
    ],
)
def test_what_the_figures_are_for(claim: Claim, words: str) -> None:
    assert claim.at == words


@pytest.mark.parametrize(
    ("counting", "words"),
    [
        (Counting(), ""),
        (COLOUR, "with three channels"),
        (Counting("imdn/IMDN", channels=3), "of imdn/IMDN, with three channels"),
        (Counting(replaced={"edge.2-8": False}), "with edge.2-8 = False"),
        (Counting(scale=4, lr=(128, 128)), "at x4, for an LR image of 128x128"),
        (WEIGHTS, "without biases, without the slopes of activations"),
        (Counting(factor=5, rounded_to=10_000), "times 5, rounded to 10,000"),
        (UNEXPLAINED, "that no known form or rule gives"),
    ],
)
def test_a_counting_in_words(counting: Counting, words: str) -> None:
    assert counting.words() == words


def test_remarks_are_the_note_and_how_each_figure_was_counted() -> None:
    claim = Claim("a paper", 12_464, 6_000, note="rounded", params_counted=WEIGHTS, macs_counted=COLOUR)
    assert claim.remarks() == (
        "rounded; params without biases, without the slopes of activations; multiply-adds with three channels"
    )
    assert Claim("a paper", 1, 2, params_counted=COLOUR, macs_counted=COLOUR).remarks() == (
        "params and multiply-adds with three channels"
    )
    assert Claim("a paper", 1, 2, params_counted=UNEXPLAINED).remarks() == "params that no known form or rule gives"


def test_nothing_is_said_of_figures_that_nobody_gives_or_that_are_counted_as_ours() -> None:
    assert Claim("a paper", 1, 2).remarks() == ""
    assert Claim("a paper", params_counted=COLOUR, macs_counted=COLOUR).remarks() == ""


def test_a_claim_as_plain_data() -> None:
    assert Claim("a paper", 25_000, None, 37.06, note="rounded", params_counted=COLOUR).to_dict() == {
        "source": "a paper",
        "params": 25_000,
        "macs": None,
        "psnr": 37.06,
        "at": "x2, HR 1280x720",
        "note": "rounded; params with three channels",
    }
