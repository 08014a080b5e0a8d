"""A search in a space that its user has narrowed, and at an image size of its user's own."""

import json
from pathlib import Path

import pytest
from optuna.trial import TrialState
from searches import SPACES, Begin, work

from nas.cost import cost
from nas.errors import InputError
from nas.report.front_files import summarise, write_front
from nas.report.front_text import front_lines, front_table
from nas.search.run import open_run
from nas.search.samplers import SAMPLERS
from nas.search.schedule.ending import Ending
from nas.search.storage.urls import embedded_url
from nas.search.workers.join import join
from search_spaces import Architecture, SpaceError

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed")

PLUGIN = {"plugins": (str(SPACES / "dots.py"),)}
NARROW = "space: dots\nallow: {width: {min: 2, max: 8, step: 2}}\nfix: {kernel: 3}\n"


@pytest.fixture
def narrow(tmp_path: Path) -> str:
    """The path of a YAML file: four widths, one kernel."""
    path = tmp_path / "few.yaml"
    path.write_text(NARROW)
    return str(path)


@pytest.mark.parametrize("sampler", SAMPLERS.names())
def test_every_candidate_lies_inside_and_is_a_network_of_the_base_space(
    begin: Begin, narrow: str, sampler: str
) -> None:
    run, data = begin(space=narrow, trials=6, sampler=sampler, **PLUGIN)
    assert work(run, data)[0] == Ending.DONE
    trained = run.candidates()
    assert len(trained) == 6
    for candidate in trained:
        architecture = candidate.architecture
        assert architecture.choices["width"] in (2, 4, 6, 8) and architecture.choices["kernel"] == 3
        assert Architecture.read(run.candidate_folder(candidate.last_trial) / "architecture.yaml") == architecture
        assert architecture.space == "dots"


def test_published_points_inside_are_trained_and_the_others_are_drawn(begin: Begin, narrow: str) -> None:
    run, data = begin(space=narrow, trials=1, budgets=("900M-MACs",), **PLUGIN)
    work(run, data)
    assert [c.label for c in run.candidates()] == ["dots/Dots-A"]
    assert all(trial.params.get("width") != 64 for trial in run.study.get_trials())
    page = write_front(run.snapshot())[1].read_text(encoding="utf-8")
    assert "Dots-B" in page and "candidates of &#x27;dots&#x27; as narrowed" in page


def test_the_run_needs_the_file_no_more(begin: Begin, narrow: str) -> None:
    run, data = begin(space=narrow, trials=2, **PLUGIN)
    work(run, data)
    Path(narrow).unlink()
    again, data = begin(space=None, trials=4)
    assert work(again, data)[0] == Ending.DONE
    assert {c.architecture.choices["width"] for c in again.candidates()} <= {2, 4, 6, 8}
    assert open_run(str(run.folder)).settings.allow == {"width": (2, 4, 6, 8), "kernel": (3,)}


def test_a_worker_elsewhere_learns_it_from_the_study(
    begin: Begin, narrow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, data = begin(space=narrow, trials=3, **PLUGIN)
    Path(narrow).unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    joined = join(None, embedded_url(run.folder), "first")
    assert work(joined, data)[0] == Ending.DONE
    assert {c.architecture.choices["kernel"] for c in joined.candidates()} == {3}
    assert Path("results/first/candidates").is_dir()


def test_a_run_goes_on_with_the_same_narrowing_only(begin: Begin, narrow: str) -> None:
    begin(space=narrow, **PLUGIN)
    begin(space=narrow)
    with pytest.raises(InputError, match=r"allow.width is \[2, 4, 6, 8\], not None; allow.kernel is \[3\], not None"):
        begin(space="dots")
    Path(narrow).write_text(NARROW.replace("max: 8", "max: 6"))
    with pytest.raises(InputError, match=r"allow.width is \[2, 4, 6, 8\], not \[2, 4, 6\]"):
        begin(space=narrow)


def test_a_plain_run_does_not_go_on_narrowed(begin: Begin, narrow: str) -> None:
    begin()
    with pytest.raises(InputError, match=r"allow.width is None, not \[2, 4, 6, 8\]"):
        begin(space=narrow)


def test_a_choice_is_fixed_within_what_is_left(begin: Begin, narrow: str) -> None:
    with pytest.raises(InputError, match=r"'width' may be fixed to one of \[2, 4, 6, 8\], not 3"):
        begin(space=narrow, fixed={"width": 3}, **PLUGIN)
    run, data = begin(space=narrow, fixed={"width": 4}, trials=2, **PLUGIN)
    work(run, data)
    assert {c.architecture.choices["width"] for c in run.candidates()} == {4}


def test_a_budget_under_all_that_is_left_is_refused(begin: Begin, narrow: str) -> None:
    said = "No network of 'dots' as narrowed fits 20M-MACs at x2, HR 1280x720; its cheapest needs 20.74M"
    with pytest.raises(InputError, match=said):
        begin(space=narrow, budgets=("20M-MACs",), **PLUGIN)
    begin(space=narrow, budgets=("21M-MACs",), **PLUGIN)


def test_what_is_wrong_in_the_file_is_said_before_anything_is_written(
    begin: Begin, narrow: str, tmp_path: Path
) -> None:
    Path(narrow).write_text("space: dots\nallow: {widht: [2]}\n")
    with pytest.raises(
        SpaceError, match=r"few\.yaml: There is no choice of the space 'dots' named 'widht'; did you mean"
    ):
        begin(space=narrow, **PLUGIN)
    assert not (tmp_path / "results").exists()


def test_the_run_is_named_by_the_file_and_the_size(begin: Begin, narrow: str, tiny_data: Path) -> None:
    run, _ = begin(run=None, space=narrow, lr="640x512", **PLUGIN)
    assert run.settings.run == f"few-x2-300M-MACs-1280x1024-{tiny_data.name}"


def test_the_front_says_what_was_left(begin: Begin, narrow: str) -> None:
    run, data = begin(space=narrow, trials=1, **PLUGIN)
    work(run, data)
    assert "Narrowed: width to 2 or 4 or 6 or 8; kernel to 3." in list(front_lines(run.snapshot(), []))


def test_costs_are_counted_for_the_size_of_the_run(begin: Begin) -> None:
    run, data = begin(trials=2, lr="320x256", budgets=("60M-MACs",))
    assert run.settings.hr_size == (640, 512)
    work(run, data)
    dear = next(t for t in run.study.get_trials() if t.user_attrs.get("name") == "dots/Dots-B")
    assert (dear.state, dear.user_attrs["stopped"]) == (TrialState.PRUNED, "235.9M > 60M MACs")
    for candidate in run.candidates():
        assert candidate.macs == cost(candidate.architecture, (640, 512)).macs < 60_000_000
    summary = summarise(run.snapshot())
    assert summary["hr_size"] == [640, 512]
    assert summary["hypervolume_reference"] == {"psnr": run.bicubic[0], "macs": 60_000_000}
    assert "MACs for HR 640x512" in str(front_table(run.snapshot()).title)
    page = write_front(run.snapshot())[1].read_text(encoding="utf-8")
    assert "MACs for a 640x512 HR image" in page
    assert json.dumps(0.2359296) in page  # Dots-B, which is a reference


def test_a_run_keeps_its_size(begin: Begin) -> None:
    run, _ = begin(hr="640x512")
    assert begin()[0].settings.hr_size == run.settings.hr_size
    begin(lr="320x256")
    with pytest.raises(InputError, match=r"hr_size is \[640, 512\], not \[1280, 720\]"):
        begin(hr="1280x720")


def test_a_size_that_the_space_can_not_take(begin: Begin) -> None:
    with pytest.raises(InputError, match="An HR image of 1x1 is too small"):
        begin(hr="1x1")
    with pytest.raises(InputError, match="'big' is not an image size"):
        begin(lr="big")
