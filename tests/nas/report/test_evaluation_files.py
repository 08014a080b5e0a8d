import csv
import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from rich.console import Console

from nas.data.images import write_image
from nas.data.synthetic import scene
from nas.errors import RunError
from nas.evaluation.comparison import Evaluation, compare
from nas.evaluation.conditions import Conditions
from nas.evaluation.contestant import Contestant
from nas.report.evaluation_files import evaluation_data, write_csv, write_pictures
from nas.report.model_tables import evaluation_tables

NAMES = ("psnr", "ssim", "psnr-hvs", "psnr-hvs-m", "edge-psnr", "mae")


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Nearest-neighbour enlargement of three scenes, under a name that is a path."""
    folder = tmp_path_factory.mktemp("scenes")
    for index in range(3):
        write_image(folder / f"{index}.png", scene(index, 96, 128))
    contestant = Contestant("results/trained/a network", torch.nn.Upsample(scale_factor=2), 2, note="It is simple.")
    conditions = Conditions(metrics=NAMES, crops=2)
    return compare([contestant], folder, folder / "cache", torch.device("cpu"), conditions)


def test_the_data_have_means_units_and_protocol(evaluation: Evaluation) -> None:
    data = evaluation_data(evaluation)
    assert data["protocol"] == evaluation.protocol.to_dict()
    assert list(data["results"]) == ["bicubic", "results/trained/a network"]
    assert tuple(data["results"]["bicubic"]) == NAMES
    assert data["metrics"]["psnr"] == {"label": "PSNR", "unit": "dB", "higher_is_better": True}
    assert data["notes"] == ["It is simple."]


def test_every_row_of_the_table_of_images_has_its_protocol(evaluation: Evaluation, tmp_path: Path) -> None:
    write_csv(evaluation, tmp_path / "new" / "rows.csv")
    with (tmp_path / "new" / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["network"]) for row in rows] == [
        (f"{index}.png", label) for label in ("bicubic", "results/trained/a network") for index in range(3)
    ]
    assert {row["protocol"] for row in rows} == {evaluation.protocol.describe()}
    for name in NAMES:
        mean = np.mean([float(row[name]) for row in rows[3:]])
        assert mean == pytest.approx(evaluation.rows[1][1].means[name], abs=1e-6)


def test_the_table_fits_a_narrow_terminal_whatever_is_measured(evaluation: Evaluation) -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    tables = evaluation_tables(evaluation, "On scenes")
    assert len(tables) == 2
    for table in tables:
        console.print(table)
        assert table.row_count == 2
    shown = console.export_text()
    for text in ("a network", "PSNR-HVS-M", "MAE", "↓", f"{evaluation.rows[1][1].means['psnr-hvs-m']:.3f}"):
        assert text in shown


def test_a_picture_has_a_row_a_crop_and_a_column_a_network(evaluation: Evaluation, tmp_path: Path) -> None:
    (path,) = write_pictures(evaluation, tmp_path / "crops")
    assert path.name == "results-trained-a-network.png"
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    # LR, bicubic, the network and HR; two crops where it gains most and two where it gains least.
    height, width = picture.shape
    assert width == pytest.approx(150 * (0.3 + 4 * 1.66), abs=2)
    assert height > 150 * 4 * 1.6


def test_equal_rows_have_one_grey_scaling(evaluation: Evaluation, tmp_path: Path) -> None:
    (path,) = write_pictures(evaluation, tmp_path)
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    crop = evaluation.pictured["results/trained/a network"][0]
    # The first row begins below the title, the columns' names and the heading; LR pixels show the LR image's levels.
    top, side = round(150 * (0.36 + 0.36 + 0.3)), 240
    shown = picture[top : top + side, 22 : 22 + side].astype(float)
    low, high = crop.hr.min(), crop.hr.max()
    expected = np.clip((crop.lr - low) / (high - low), 0, 1) * 255
    means = cv2.resize(shown, expected.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.corrcoef(means.ravel(), expected.ravel())[0, 1] > 0.98
    assert abs(means - expected).mean() < 6


@pytest.mark.parametrize("write", [write_csv, write_pictures])
def test_what_cannot_be_written_is_named(evaluation: Evaluation, tmp_path: Path, write: object) -> None:
    assert callable(write)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"file(/new)? can't be"):
        write(evaluation, tmp_path / "file" / "new")


def test_trials_of_one_run_are_called_by_their_number_and_the_title_names_the_run(evaluation: Evaluation) -> None:
    (_, baseline), (_, measured) = evaluation.rows
    rows = (("bicubic", baseline), ("first:18", measured), ("falsr/FALSR-B", measured))
    (table, _) = evaluation_tables(replace(evaluation, rows=rows), "On scenes")
    assert table.title == "On scenes; trials of the run first"
    assert list(table.columns[0].cells) == ["bicubic", ":18", "falsr/FALSR-B"]
    (table, _) = evaluation_tables(replace(evaluation, rows=(*rows, ("second:3", measured))), "On scenes")
    assert (table.title, list(table.columns[0].cells)[1:2]) == ("On scenes", ["first:18"])
