"""An opened run: its folder, its study, and the errors where one of them is missing."""

from pathlib import Path

import pytest
from searches import Begin

from nas.errors import InputError, RunError
from nas.search.run import open_run, open_run_data


def test_a_run_is_opened_by_its_name_or_its_folder(begin: Begin, tmp_path: Path) -> None:
    run, _ = begin()
    for name in ("first", str(run.folder)):
        opened = open_run(name, results=tmp_path / "results")
        assert (opened.settings, opened.bicubic, opened.protocol) == (run.settings, run.bicubic, run.protocol)


def test_a_missing_run_or_study_is_an_error(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no run 'other'"):
        open_run("other", results=tmp_path / "results")
    run, _ = begin()
    (run.folder / "study.db").unlink()
    with pytest.raises(InputError, match="The study of the run 'first' is missing"):
        open_run(str(run.folder))


def test_a_study_that_is_replaced_while_it_is_open_is_noticed(begin: Begin) -> None:
    run, _ = begin()
    run.check_study()
    content = (run.folder / "study.db").read_bytes()
    (run.folder / "other.db").write_bytes(content)
    (run.folder / "other.db").replace(run.folder / "study.db")
    with pytest.raises(RunError, match=r"study\.db was deleted or replaced while the search used it"):
        run.check_study()


def test_a_trial_that_does_not_exist_is_an_error(begin: Begin) -> None:
    run, _ = begin()
    with pytest.raises(InputError, match="The run 'first' has trials 0 to 1, not 2"):
        run.architecture(2)


def test_a_checkpoint_is_named_by_the_network(begin: Begin) -> None:
    run, _ = begin()
    network = run.settings.architecture({"width": 8, "kernel": 3, "padded": True})
    assert run.checkpoint(network).name == f"{network.fingerprint}.safetensors"
    assert run.candidate_folder(7) == run.folder / "candidates" / "7"


def test_the_reference_point_is_bicubic_at_the_whole_budget(begin: Begin) -> None:
    run, _ = begin()
    assert run.reference_point() == {"psnr": run.bicubic[0], "macs": 300e6}


def test_other_images_are_refused(begin: Begin, tiny_data16: Path) -> None:
    run, data = begin()
    assert open_run_data(run).fingerprint == data.fingerprint
    with pytest.raises(InputError, match="are not those of the run 'first'"):
        open_run_data(run, str(tiny_data16))
