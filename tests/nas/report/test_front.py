import html
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nas.report.front import Dot, plot_front
from nas.report.front_view import View

G = 10**9
DOTS = [
    Dot("#3", 4 * G, 33.10, 20_000, "front"),
    Dot("#8", 40 * G, 33.60, 150_000, "front"),
    Dot("#5", 30 * G, 33.20, 100_000, "candidate"),
    Dot("#6", 35 * G, 20.00, 110_000, "candidate"),
    Dot("#7", 36 * G, 33.30, 110_000, "candidate"),
    Dot("#9", 37 * G, 33.40, 110_000, "candidate"),
    Dot("#10", 38 * G, 33.45, 110_000, "candidate"),
    Dot("FALSR-B", 74_700_000_000, 33.55, 326_000, "published"),
    Dot("FALSR-C", 93_700_000_000, 33.50, 408_000, "published"),
]


def draw(folder: Path, **changed: Any) -> tuple[np.ndarray, str]:
    given: dict[str, Any] = {
        "dots": DOTS,
        "untrained": {"CARN": 222_800_000_000, "IMDN": 158_800_000_000},
        "budget_macs": 100 * G,
        "bicubic_psnr": 32.8,
        "title": "Pareto front of night",
        "protocol": "night (a1b2c3d4), bicubic, shave 2",
    } | changed
    dots = given.pop("dots")
    png, page = folder / "front" / "front.png", folder / "front" / "front.html"
    plot_front(dots, png=png, html=page, **given)
    assert {path.name for path in png.parent.iterdir()} == {"front.png", "front.html"}
    picture = cv2.imread(str(png))
    assert picture is not None
    return picture, page.read_text(encoding="utf-8")


def shows(picture: np.ndarray, colour: str) -> bool:
    """Tell whether at least 20 pixels have the colour #rrggbb."""
    red, green, blue = bytes.fromhex(colour)
    return int((picture == (blue, green, red)).all(axis=-1).sum()) >= 20


def test_the_picture_shows_every_kind_of_network_and_the_limits(tmp_path: Path) -> None:
    picture, _ = draw(tmp_path)
    assert picture.shape == (930, 1500, 3)
    assert all(shows(picture, colour) for colour in ("9aa5b1", "1f5fa8", "d1550f", "a3243b", "4a4a4a"))
    without, _ = draw(tmp_path, budget_macs=None, bicubic_psnr=None, dots=DOTS[:7])
    assert not any(shows(without, colour) for colour in ("d1550f", "a3243b"))


def test_the_page_carries_all_it_needs(tmp_path: Path) -> None:
    _, page = draw(tmp_path)
    for text in ("#3", "#5", "FALSR-B", "326.0K", "74.70G", "CARN", "IMDN", "32.80 dB", "100G MACs", "shave 2"):
        assert text in page, text
    assert "<title>Pareto front of night</title>" in page
    assert "<script src=" not in page and "Plotly.newPlot" in page


def test_the_size_that_macs_are_counted_for_is_named(tmp_path: Path) -> None:
    assert "MACs for a 1280x720 HR image, in G" in draw(tmp_path)[1]
    assert "MACs for a 1280x1024 HR image, in G" in draw(tmp_path, hr_size=(1280, 1024))[1]


def test_names_can_not_break_the_page(tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>"
    _, page = draw(tmp_path, title=name, dots=[Dot(name, G, 30.0, 1, "published")], untrained={name: G})
    assert name not in page
    assert f"<title>{html.escape(name)}</title>" in page


@pytest.mark.parametrize("dots", [[], DOTS[:1], DOTS[7:8]], ids=["nothing", "one of the front", "one published"])
def test_few_dots_are_enough(tmp_path: Path, dots: list[Dot]) -> None:
    picture, _ = draw(tmp_path, dots=dots, untrained={}, budget_macs=None, bicubic_psnr=None)
    assert len(np.unique(picture)) > 20


def test_many_dots_at_one_place_are_drawn(tmp_path: Path) -> None:
    choose = random.Random(0)
    crowd = [Dot(f"network {i}", G + i, 30 + choose.random() / 1e3, 1, "published") for i in range(12)]
    crowd += [Dot(f"#{i}", G + i, 30 + choose.random() / 1e3, 1, "front") for i in range(12)]
    picture, page = draw(tmp_path, dots=crowd, untrained={f"u{i}": G + i for i in range(6)})
    assert shows(picture, "d1550f") and "network 11" in page


def view(**changed: Any) -> View:
    given = {"dots": DOTS, "untrained": {}, "budget_macs": None, "bicubic_psnr": None, "title": "", "protocol": ""}
    return View(**(given | changed))


def test_a_hopeless_candidate_does_not_flatten_the_front_and_is_counted() -> None:
    assert view().psnr_range[0] > 30
    assert view().name("candidate") == "candidate (1 of 5 below the axis)"
    assert view(dots=DOTS[:3]).name("candidate") == "candidate"


def test_everything_else_lies_within_the_ranges() -> None:
    shown = view(untrained={"SRCNN": G // 2}, budget_macs=500 * G, bicubic_psnr=32.9)
    low, high = shown.macs_range
    assert low < 0.5 and high > 500
    low, high = shown.psnr_range
    assert low < 32.9 and high > 33.6
    assert shown.bicubic_label == "bicubic interpolation, 32.90 dB"


def test_bicubic_far_below_does_not_flatten_the_front() -> None:
    shown = view(bicubic_psnr=28.0)
    assert shown.psnr_range == view().psnr_range
    assert shown.bicubic_label == "bicubic interpolation, 28.00 dB (below the axis)"


def test_the_front_is_a_line_of_steps_to_the_border() -> None:
    x, y = view().front_line
    assert x == [4.0, 40.0, view().macs_range[1]]
    assert y == [33.10, 33.60, 33.60]
    assert view(dots=DOTS[2:7]).front_line == ([], [])


def test_published_networks_are_corners_of_the_front_where_nothing_is_better_for_less() -> None:
    better = Dot("PAN", 20 * G, 33.40, 80_000, "published")
    x, y = view(dots=[*DOTS, better]).front_line
    assert x == [4.0, 20.0, 40.0, view().macs_range[1]]
    assert y == [33.10, 33.40, 33.60, 33.60]


def test_names_of_close_ticks_stand_at_different_heights() -> None:
    ticks = view(untrained={"c": 51 * G, "a": 5 * G, "b": 50 * G, "d": 200 * G}).ticks
    assert ticks == [("a", 5.0, 0), ("b", 50.0, 0), ("c", 51.0, 1), ("d", 200.0, 0)]
