from pathlib import Path

import pytest
from tables_kit.trained_alike import row_of, train_alike

from search_spaces import Architecture
from search_spaces.families.hybrid_seeds import FAMILIES

SMALL = {"batch": 2, "patch": 8, "validation_crop": 24, "precision": "float32"}


@pytest.mark.parametrize("scale", [2, 3])
def test_networks_of_any_scale_are_trained_by_several_processes_and_kept(
    scale: int, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    choices = [FAMILIES["plain"].network(8, depth) for depth in (1, 2)]
    rows = [row_of(f"plain x{place}", Architecture("hybrid", scale, 1, each)) for place, each in enumerate(choices)]
    table = train_alike(rows, tiny_data, "alike", "brief", 4, 2, jobs=2, scale=scale, **SMALL)
    assert [row.trainings[0].failure for row in table.rows] == [None, None]
    assert (table.header.scale, len(table.trained)) == (scale, 2)
    assert train_alike(rows[:1], tiny_data, "alike", "brief", 4, 2, scale=scale, **SMALL).trained == table.trained
    again = train_alike(rows, tiny_data, "alike", "brief", 4, 2, scale=scale, twice=1, **SMALL)
    assert [len(row.trainings) for row in again.rows] == [2, 2]
