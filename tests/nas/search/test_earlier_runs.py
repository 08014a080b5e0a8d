from pathlib import Path

import pytest
from searches import Begin, work
from tables import formula_table

from nas.errors import InputError
from nas.search.earlier_runs import FILE, prior_named, table_of
from nas.search.samplers.prior import rows_of
from nas.search.samplers.problem import Problem
from nas.table import read_table, write_table


def test_the_shipped_prior_and_none_are_kept_as_they_are(tmp_path: Path) -> None:
    assert prior_named("shipped", tmp_path / "first") == "shipped"
    assert prior_named("none", tmp_path / "first") == "none"


def test_a_table_stays_where_it_is_and_must_be_one(few_spaces: None, tmp_path: Path) -> None:
    write_table(formula_table(count=3), tmp_path / "night.json.gz")
    assert prior_named(str(tmp_path / "night.json.gz"), tmp_path / "first") == str(tmp_path / "night.json.gz")
    (tmp_path / "notes.txt").write_text("no table")
    with pytest.raises(InputError, match=r"notes\.txt"):
        prior_named(str(tmp_path / "notes.txt"), tmp_path / "first")


def test_another_name_is_refused_with_what_may_be_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--prior 'frist' is neither a run in .* nor a table file; .* shipped or"):
        prior_named("frist", tmp_path / "first")


def test_the_networks_of_an_earlier_run_are_copied_with_their_gains(begin: Begin) -> None:
    earlier, data = begin(run="earlier", trials=3)
    work(earlier, data)
    later, _ = begin(run="later", prior="earlier")
    assert later.settings.prior == FILE, "the folder may be moved"
    table = read_table(later.folder / FILE)
    assert table == table_of(earlier)
    gains = {row.macs: row.gain for row in rows_of(table, Problem.of(later.settings))}
    expected = {c.macs: c.psnr - earlier.bicubic[0] for c in earlier.candidates()}
    assert gains == pytest.approx(expected) and len(gains) == 3


def test_a_worker_without_the_file_of_the_prior_says_so_and_searches_without_it(begin: Begin) -> None:
    earlier, data = begin(run="earlier", trials=2)
    work(earlier, data)
    later, data = begin(run="later", prior="earlier", trials=1)
    _, listener = work(later, data)
    assert not any("the prior of the run" in line for line in listener.lines)
    (later.folder / FILE).unlink()
    _, listener = work(later, data, number=1)
    assert any(f"{FILE}, the prior of the run, is not on this machine" in line for line in listener.lines)
