"""The file of a table: whole, compact, the same again, and refused where it is none."""

import gzip
import json
from pathlib import Path

import pytest
from tables import formula_table

from nas.errors import InputError
from nas.table import Table, read_table, write_table


@pytest.fixture
def table(few_spaces: None) -> Table:
    return formula_table(count=5, seeds=2, noise=0.1)


@pytest.mark.parametrize("name", ["table.json", "table.json.gz"])
def test_what_is_written_is_read(table: Table, tmp_path: Path, name: str) -> None:
    write_table(table, tmp_path / name)
    assert read_table(tmp_path / name) == table


def test_equal_tables_give_equal_bytes(table: Table, tmp_path: Path) -> None:
    for name in ("one.json.gz", "two.json.gz"):
        write_table(table, tmp_path / name)
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()


def test_a_row_is_a_line(table: Table, tmp_path: Path) -> None:
    write_table(table, tmp_path / "table.json")
    lines = (tmp_path / "table.json").read_text().splitlines()
    rows = [json.loads(line.rstrip(",")) for line in lines if line.startswith('{"architecture"')]
    assert [row["macs"] for row in rows] == [row.macs for row in table.rows]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data | {"schema": 99}, "with schema 1, not 99"),
        (lambda data: data | {"rows": [{**data["rows"][0], "macs": "many"}]}, "rows.0.macs"),
        (lambda data: {"schema": 1, "rows": []}, "header"),
        (lambda data: [], "not None"),
    ],
)
def test_another_file_is_refused(table: Table, tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "table.json"
    write_table(table, path)
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_a_file_that_unpacks_to_more_than_any_table_is_refused(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table.json.gz"
    write_table(table, path)
    monkeypatch.setattr("nas.table._MOST_BYTES", 1000)
    with pytest.raises(InputError, match="has more than 1,000 bytes, too many for a table of architectures"):
        read_table(path)


def test_a_network_that_its_space_does_not_know_is_refused(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    write_table(table, path)
    path.write_text(path.read_text().replace('"kernel": 1', '"kernel": 2').replace('"kernel": 3', '"kernel": 2'))
    with pytest.raises(InputError, match="can't be built here"):
        read_table(path)


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.json.gz").write_bytes(gzip.compress(b'{"schema": 1')[:-9])
    with pytest.raises(InputError, match=r"torn\.json\.gz can't be read"):
        read_table(tmp_path / "torn.json.gz")
