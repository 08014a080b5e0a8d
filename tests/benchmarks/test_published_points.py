import json
import runpy
import sys
from pathlib import Path

import pytest

from nas.cost import cost
from search_spaces import SPACES, Architecture

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "published_points.py"
REFERENCE = ROOT / "results" / "reference"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["published_points.py", str(folder), "--spaces", "falsr", "moremnas"])
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return folder


def test_the_figures_are_our_costs_beside_the_claims(written: Path) -> None:
    rows = json.loads((written / "published_points.json").read_text())
    assert [row["point"] for row in rows][:3] == ["falsr/FALSR-A", "falsr/FALSR-B", "falsr/FALSR-C"]
    row = rows[1]
    for channels in (1, 3):
        architecture = Architecture.published("falsr/FALSR-B", 2, channels)
        assert row["counted"][f"{channels}ch"] == {
            "params": cost(architecture).params,
            "macs_hr_1280x720": cost(architecture).macs,
            "macs_lr_640x512": cost(architecture, (1280, 1024)).macs,
        }
    assert row["paper"]["psnr"] == 37.61 and row["article"]["macs"] == 74_700_000_000


def test_the_page_is_a_table_with_sources(written: Path) -> None:
    page = (written / "published_points.md").read_text()
    table = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("|")]
    assert len({len(row) for row in table}) == 1
    row = next(row for row in table if row[0].strip() == "falsr/FALSR-B")
    assert row[2].strip() == "324,745 / 325,467" and row[3].strip() == "74.502G / 74.768G"
    assert row[5].strip() == "326K" and row[8].strip() == "37.61"
    assert "- **falsr/FALSR-C**, paper: arXiv 1901.07261, table 1; 37.66 dB on Set5; omits the edge 2→8" in page


def test_the_reference_table_holds_every_published_point() -> None:
    rows = json.loads((REFERENCE / "published_points.json").read_text(encoding="utf-8"))
    # Other tests of this process may have loaded plugins.
    shipped = [space for space in SPACES if type(space).__module__.startswith("search_spaces.")]
    points = {f"{space.name}/{name}" for space in shipped for name in space.published}
    assert {row["point"] for row in rows} == points, "run python benchmarks/published_points.py again"
