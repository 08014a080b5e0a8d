"""Every published point against figures measured on its authors' own code, and at work on odd sizes.

`known_good.csv` holds parameters and multiply-adds (G, as printed) counted on the reference implementations for an LR
image of 640x360, with three and with one channel; `frozen` of the parameters are constants there (colour means,
shift masks), which are no parameters here. Multiply-adds of selective scans are included.
"""

import csv
from pathlib import Path

import counting
import pytest
import torch
from network_cases import runs_forward_and_backward
from rotating import rotating

from nas.cost import cost, screening_cost
from nas.report.costs import claims
from search_spaces import SPACES, Architecture, Claim
from search_spaces.layers.fused import fused

ROWS = list(csv.DictReader((Path(__file__).parent / "known_good.csv").open(encoding="utf-8")))
FIGURES = [(row, channels) for row in ROWS for channels in (1, 3) if row[f"params_{channels}ch"]]
OURS = [space for space in SPACES if type(space).__module__.startswith("search_spaces.")]  # no plugin of another test
POINTS = [(space, name) for space in OURS for name in space.published]
LIGHT = 100e9
"""Multiply-adds at 720p up to which a network takes a 33x47 image in a test; heavier networks take a smaller image."""


@pytest.mark.parametrize(("row", "channels"), FIGURES, ids=[f"{row['point']}-{c}ch" for row, c in FIGURES])
def test_params_and_macs_are_those_of_the_reference_code(row: dict[str, str], channels: int) -> None:
    width, height = map(int, row["hr"].split("x"))
    price = cost(Architecture.published(row["point"], int(row["scale"]), channels), (width, height))
    frozen = int(row[f"frozen_{channels}ch"])
    assert price.params == int(row[f"params_{channels}ch"]) - frozen
    printed = row[f"gmacs_{channels}ch"]
    decimals = len(printed.partition(".")[2])
    # A colour mean written as a 1x1 convolution costs the reference up to 0.011G.
    slack = 0.5 * 10**-decimals + (0.011 if frozen and channels == 3 else 0)
    assert price.macs / 1e9 == pytest.approx(float(printed), abs=1.01 * slack)


def test_every_published_point_has_a_known_figure() -> None:
    published = {f"{space.name}/{name}" for space, name in POINTS if space.name != "hybrid"}  # seeds, not published
    assert published == {row["point"] for row in ROWS}


UNEXPLAINED = {
    "imdn/IMDN-RTC, article: multiply-adds",
    "lapsrn/LapSRN, article: params",
    "lesrcnn/LESRCNN, paper: multiply-adds",
    "lesrcnn/LESRCNN, article: multiply-adds",
    "rcan/RCAN-slim, article: params",
    "rcan/RCAN-slim, article: multiply-adds",
}
"""The published figures that no form of the network and no counting rule gives. No other figure may join them."""


def test_no_other_published_figure_is_left_unexplained() -> None:
    found = set()
    for space, name in POINTS:
        for who, claim in claims(space.published[name]):
            if claim.params_counted.unexplained:
                found.add(f"{space.name}/{name}, {who}: params")
            if claim.macs_counted.unexplained:
                found.add(f"{space.name}/{name}, {who}: multiply-adds")
    assert found == UNEXPLAINED


@pytest.mark.parametrize("point", ["falsr/FALSR-B", "swinir/SwinIR-light", "ecbsr/M4C16", "lapsrn/LapSRN"])
def test_without_rules_a_claim_is_counted_as_nas_cost_counts(point: str) -> None:
    price, claim = cost(Architecture.published(point)), Claim("nobody")
    assert (counting.params(point, claim), counting.macs(point, claim)) == (price.params, price.macs)


FORMS = [f"{s.name}/{name} x{scale} {c}" for s, name in POINTS for scale in s.scales for c in s.channels]


@pytest.mark.parametrize("form", rotating(FORMS))
def test_every_point_runs_forward_and_backward_on_odd_sizes(form: str) -> None:
    point, scale, channels = form.split()[0], int(form.split()[1][1:]), int(form.split()[2])
    torch.manual_seed(0)
    architecture = Architecture.published(point, scale, channels)
    size = (33, 47) if screening_cost(architecture).macs <= LIGHT else (7, 9)
    runs_forward_and_backward(architecture, *size)


@pytest.mark.parametrize(("space", "name"), POINTS, ids=[f"{s.name}/{n}" for s, n in POINTS])
def test_what_trains_with_branches_fuses_to_the_same_function(space: object, name: str) -> None:
    architecture = Architecture.published(f"{space.name}/{name}", space.scales[0])
    torch.manual_seed(0)
    with torch.device("meta"):
        meta = architecture.build()
        if fused(meta) is meta:
            return
    network = architecture.build().eval()
    image = torch.rand(1, 1, 13, 11)
    with torch.no_grad():
        expected = network(image)
        assert torch.allclose(fused(network)(image), expected, atol=1e-5 * max(1, expected.abs().max().item()))
