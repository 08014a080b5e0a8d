"""`nas proxies` and `nas proxies rank`."""

import json
from pathlib import Path

import pytest

from .conftest import Nas, Refused

RANK = ("proxies", "rank", "--space", "ecbsr", "--budget", "1G-MACs", "--sample", 4, "--run", "few")
BRIEFLY = ("--recipe", "tiny.yaml", "--reference-recipe", "tiny.yaml", "--steps", 6)


def test_proxies_are_listed(nas: Nas) -> None:
    shown = nas("proxies").out
    assert "synflow" in shown and "Tanaka" not in shown.split("grad_norm")[0]
    data = json.loads(nas("proxies", "--json").out)
    assert data["brief"]["trains"] is True and data["naswot"]["trains"] is False


def test_a_ranking_is_shown_drawn_and_gone_on_with(nas: Nas, tiny_data: Path, tmp_path: Path) -> None:
    first = nas(*RANK, *BRIEFLY, "--data", tiny_data)
    assert first.code == 0, first.errors
    assert "6 of the reference recipe (tiny)" in first.errors
    assert "Kendall" in first.out and "zico" in first.out and "3 steps" in first.out
    assert "PSNR after 6 steps of 4 networks" in first.out
    folder = tmp_path / "results" / "ranks" / "few"
    assert (folder / "ranking.png").read_bytes().startswith(b"\x89PNG")
    figures = json.loads((folder / "ranking.json").read_text())
    again = nas("proxies", "rank", "--run", "few", "--json")
    assert again.code == 0, again.errors
    assert json.loads(again.out) == figures
    assert "dB after" not in again.errors  # nothing was trained


def test_what_is_refused(refused: Refused, tiny_data: Path) -> None:
    assert "did you mean 'synflow'" in refused(*RANK, "--proxy", "sinflow")
    assert "There is no space named 'nowhere'" in refused("proxies", "rank", "--space", "nowhere")
    assert "'many'" in refused("proxies", "rank", "--budget", "many")
    few = ("proxies", "rank", "--space", "ecbsr", "--budget", "1M-MACs", "--data", tiny_data)
    assert "Only 0 networks of the space 'ecbsr' fit 1M-MACs" in refused(*few)


@pytest.mark.usefixtures("few_spaces")
def test_the_networks_of_a_table_are_ranked_without_a_training(nas: Nas, tiny_data: Path, tmp_path: Path) -> None:
    build = ("benchmark", "build", "--to", "few.json", "--data", tiny_data, "--space", "ecbsr:6", "--budget", "2G-MACs")
    built = nas(*build, "--recipe", "tiny.yaml", "--steps", 4, "--validations", 2)
    assert built.code == 0, built.errors
    networks = len(json.loads((tmp_path / "few.json").read_text())["rows"])
    shown = nas("proxies", "rank", "--table", "few.json")
    assert shown.code == 0, shown.errors
    assert f"PSNR after 4 steps of {networks} networks" in shown.out
    assert "naswot" in shown.out and "2 steps" in shown.out
    figures = json.loads((tmp_path / "results" / "ranks" / "few" / "ranking.json").read_text())
    assert {entry["proxy"] for entry in figures["proxies"]} >= {"macs", "params", "synflow", "2 steps"}
    earlier = json.loads(nas("proxies", "rank", "--table", "few.json", "--steps", 2, "--json").out)
    assert (earlier["truth"], earlier["networks"]) == ("PSNR in dB after 2 steps", networks)


def test_a_table_needs_no_other_option(refused: Refused) -> None:
    said = "The networks of a --table are trained and scored already; leave --sample out."
    assert refused("proxies", "rank", "--table", "few.json", "--sample", 9) == said
    assert "few.json can't be read as a table" in refused("proxies", "rank", "--table", "few.json")
