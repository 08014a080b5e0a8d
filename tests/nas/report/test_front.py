import html
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from nas.budget import Budget
from nas.objectives import OBJECTIVES
from nas.report.front import Dot, View, plot_front
from nas.report.front_view import Kind

G = 10**9


def dot(label: str, macs: float, psnr: float, params: int, kind: Kind) -> Dot:
    return Dot(label, {"psnr": psnr, "macs": macs, "params": params}, kind)


DOTS = [
    dot("#3", 4 * G, 33.10, 20_000, "front"),
    dot("#8", 40 * G, 33.60, 150_000, "front"),
    dot("#5", 30 * G, 33.20, 100_000, "candidate"),
    dot("#6", 35 * G, 20.00, 110_000, "candidate"),
    dot("#7", 36 * G, 33.30, 110_000, "candidate"),
    dot("#9", 37 * G, 33.40, 110_000, "candidate"),
    dot("#10", 38 * G, 33.45, 110_000, "candidate"),
    dot("FALSR-B", 74_700_000_000, 33.55, 326_000, "published"),
    dot("FALSR-C", 93_700_000_000, 33.50, 408_000, "published"),
]


def draw(folder: Path, **changed: Any) -> tuple[np.ndarray, str]:
    given: dict[str, Any] = {
        "dots": DOTS,
        "untrained": {"CARN": 222_800_000_000, "IMDN": 158_800_000_000},
        "budget": Budget(100 * G, "MACs"),
        "bicubic": 32.8,
        "title": "Pareto front of night",
        "protocol": "night (a1b2c3d4), bicubic, shave 2",
    } | changed
    png, page = folder / "front" / "front.png", folder / "front" / "front.html"
    plot_front(View(**given), png, page)
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
    without, _ = draw(tmp_path, budget=None, bicubic=None, dots=DOTS[:7])
    assert not any(shows(without, colour) for colour in ("d1550f", "a3243b"))


def test_hand_made_networks_and_the_range_of_interest_are_shown(tmp_path: Path) -> None:
    dots = [*DOTS, dot("ecbsr/M10C16", 20 * G, 33.3, 24_000, "hand-made")]
    picture, page = draw(tmp_path, dots=dots, range_from=12.5 * G)
    assert shows(picture, "b07d00") and "M10C16" in page
    shade = (244, 243, 242)  # OUTSIDE_COLOUR over white, as blue, green, red
    shaded = (np.abs(picture.astype(int) - shade).max(axis=-1) <= 1).mean()
    assert shaded > 0.05


def test_the_axis_ends_where_a_range_ends_below_the_budget(tmp_path: Path) -> None:
    changed = {"dots": DOTS[:7], "budget": Budget(1000 * G, "MACs"), "range_to": 50 * G}
    _, page = draw(tmp_path, **changed)
    assert "budget, 1T MACs (beyond the axis)" in page and "IMDN" not in page
    assert View(**changed, untrained={}, bicubic=None, title="", protocol="").x_range[1] == 50 * 1.35  # type: ignore[arg-type]


def test_a_hand_made_network_is_no_part_of_the_front() -> None:
    best = dot("ecbsr/M10C16", 1 * G, 40.0, 24_000, "hand-made")
    view = View([*DOTS, best], {}, None, None, "night", "")
    assert 40.0 not in view.front_line[1]


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
    _, page = draw(tmp_path, title=name, dots=[dot(name, G, 30.0, 1, "published")], untrained={name: G})
    assert name not in page
    assert f"<title>{html.escape(name)}</title>" in page


@pytest.mark.parametrize("dots", [[], DOTS[:1], DOTS[7:8]], ids=["nothing", "one of the front", "one published"])
def test_few_dots_are_enough(tmp_path: Path, dots: list[Dot]) -> None:
    picture, _ = draw(tmp_path, dots=dots, untrained={}, budget=None, bicubic=None)
    assert len(np.unique(picture)) > 20


def test_many_dots_at_one_place_are_drawn(tmp_path: Path) -> None:
    choose = random.Random(0)
    crowd = [dot(f"network {i}", G + i, 30 + choose.random() / 1e3, 1, "published") for i in range(12)]
    crowd += [dot(f"#{i}", G + i, 30 + choose.random() / 1e3, 1, "front") for i in range(12)]
    picture, page = draw(tmp_path, dots=crowd, untrained={f"u{i}": G + i for i in range(6)})
    assert shows(picture, "d1550f") and "network 11" in page


def view(**changed: Any) -> View:
    given = {"dots": DOTS, "untrained": {}, "budget": None, "bicubic": None, "title": "", "protocol": ""}
    return View(**(given | changed))


def test_a_hopeless_candidate_does_not_flatten_the_front_and_is_counted() -> None:
    assert view().y_range[0] > 30
    assert view().name("candidate") == "candidate (1 of 5 below the axis)"
    assert view(dots=DOTS[:3]).name("candidate") == "candidate"


def test_everything_else_lies_within_the_ranges() -> None:
    shown = view(untrained={"SRCNN": G // 2}, budget=Budget(500 * G, "MACs"), bicubic=32.9)
    low, high = shown.x_range
    assert low < 0.5 and high > 500
    low, high = shown.y_range
    assert low < 32.9 and high > 33.6
    assert shown.bicubic_label == "bicubic interpolation, 32.90 dB"


def test_bicubic_far_below_does_not_flatten_the_front() -> None:
    shown = view(bicubic=28.0)
    assert shown.y_range == view().y_range
    assert shown.bicubic_label == "bicubic interpolation, 28.00 dB (below the axis)"


def test_the_front_is_a_line_of_steps_to_the_border() -> None:
    x, y = view().front_line
    assert x == [4.0, 40.0, view().x_range[1]]
    assert y == [33.10, 33.60, 33.60]
    assert view(dots=DOTS[2:7]).front_line == ([], [])


def test_published_networks_are_corners_of_the_front_where_nothing_is_better_for_less() -> None:
    better = dot("PAN", 20 * G, 33.40, 80_000, "published")
    x, y = view(dots=[*DOTS, better]).front_line
    assert x == [4.0, 20.0, 40.0, view().x_range[1]]
    assert y == [33.10, 33.40, 33.60, 33.60]


def test_names_of_close_ticks_stand_at_different_heights() -> None:
    ticks = view(untrained={"c": 51 * G, "a": 5 * G, "b": 50 * G, "d": 200 * G}).ticks
    assert ticks == [("a", 5.0, 0), ("b", 50.0, 0), ("c", 51.0, 1), ("d", 200.0, 0)]


def test_the_range_on_a_short_axis_has_numbers() -> None:
    dots = [
        Dot("a", {"psnr": 30.0, "memory": 30 * 2**20}, "front"),
        Dot("b", {"psnr": 31.0, "memory": 32 * 2**20}, "front"),
    ]
    shown = view(dots=dots, cost=OBJECTIVES.get("memory"))
    low, high = shown.x_range
    assert any(low < digit * 10 < high for digit in shown.tick_digits)
    assert tuple(view().tick_digits) == (1, 2, 5)


def test_other_objectives_have_their_axes_and_units(tmp_path: Path) -> None:
    figures = [{"psnr": 33.0 + i, "ssim": 0.91 + i / 1e3, "latency": 20.0 * 2**i, "memory": 2**24} for i in range(3)]
    dots = [Dot(f"#{i}", values, "front") for i, values in enumerate(figures)]
    axes: dict[str, Any] = {"cost": OBJECTIVES.get("latency"), "quality": OBJECTIVES.get("ssim")}
    shown = view(dots=dots, budget=Budget(100.0, "ms"), bicubic=0.9095, hr_size=(1280, 1024), **axes)
    assert (shown.x_label, shown.y_label) == ("latency for a 1280x1024 HR image, in ms", "SSIM")
    assert shown.front_line[0][:3] == [20.0, 40.0, 80.0]
    assert shown.front_line[1][:3] == [0.91, 0.911, 0.912]
    assert shown.bicubic_label == "bicubic interpolation, 0.9095 SSIM"
    _, page = draw(tmp_path, dots=dots, budget=Budget(100.0, "ms"), bicubic=0.9095, untrained={}, **axes)
    for text in ("budget, 100 ms", "33.00 dB", "0.9100 SSIM", "40.00 ms", "16.0 MiB memory"):
        assert text in page, text


def test_what_was_stopped_early_is_faint_and_says_where(tmp_path: Path) -> None:
    early = Dot("night:4", {"psnr": 31.0, "macs": 6 * G}, "paused", "paused at 100 steps")
    picture, page = draw(tmp_path, dots=[*DOTS, early])
    assert shows(picture, "d9dee3")
    assert "paused at 100 steps" in page
    assert view(dots=[*DOTS, early]).y_range == view().y_range
    assert view(dots=[*DOTS, early]).front_line == view().front_line
