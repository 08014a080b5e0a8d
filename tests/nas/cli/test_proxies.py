"""`nas proxies` and `nas proxies rank`."""

import json
from pathlib import Path

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
    assert "6 for the truth (tiny)" in first.errors
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
    assert "Only 0 networks of the space 'ecbsr' within 1M-MACs" in refused(*few)
