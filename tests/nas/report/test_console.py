"""What a terminal, a log or a narrow window shows of texts, names and tables."""

import io
import os

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.table import Table

from nas.report.console import NAME_WIDTH, LiteralConsole, drawable, readable
from nas.report.tables import table


def printed(*shown: str | Table, encoding: str = "utf-8", width: int = 80) -> str:
    written = io.BytesIO()
    console = LiteralConsole()
    console.file, console.width = io.TextIOWrapper(written, encoding=encoding, errors="strict"), width
    for item in shown:
        if isinstance(item, str):
            console.print(item)
        else:
            console.show(item)
    console.file.flush()
    return written.getvalue().decode(encoding)


def front(*names: str) -> Table:
    shown = table("Front of first", "network", "trial", "PSNR dB", "over bicubic", "SSIM", "MACs", "params", "")
    for name in names:
        shown.add_row(name, "18", "36.09", "+2.24", "0.9198", "28.9G", "126K", "front, knee")
    return shown


@pytest.mark.parametrize("name", ["gate[left].png", "x[/b].png", "[red]a", ":smile: 12 True 'a'", "a\\[b]", "x[", "\\"])
def test_brackets_and_colons_are_text_in_lines_cells_titles_and_headers(name: str) -> None:
    assert printed(f"Wrote {name}") == f"Wrote {name}\n"
    shown = table(f"On {name}", name, "dB")
    shown.add_row(name, "1.0")
    assert printed(shown).count(name) == 3


def test_a_long_line_is_one_line() -> None:
    assert printed("Wrote " + "a/" * 100) == "Wrote " + "a/" * 100 + "\n"


def test_a_log_that_is_ascii_gets_every_line_and_table() -> None:
    shown = table("4 ± 1 dB·octaves", "networks × 3", "MAE ↓", "Kälte")
    shown.add_row("cell1.op … cell7.op", "1–2", "½")
    text = printed("Next: nas front a · nas train a", shown, encoding="ascii")
    assert text.startswith("Next: nas front a - nas train a\n")
    assert "4 +- 1 dB-octaves" in text and "cell1.op ... cell7.op" in text and "1-2" in text and "K\\xe4lte" in text
    widths = {len(line) for line in text.splitlines()[2:]}
    assert len(widths) == 1  # what stands for a character is as wide as it is


def test_names_that_are_not_utf8_and_control_characters_are_spelt_out() -> None:
    name = os.fsdecode(b"K\xe4lte\x1b[2J.png")
    assert printed(f"Wrote {name}") == "Wrote K\\xe4lte\\x1b[2J.png\n"
    assert readable("Kälte 温度.png") == "Kälte 温度.png"
    assert readable("Kälte", "no-such-encoding") == "K\\xe4lte"


@pytest.mark.parametrize("width", [20, 24, 30, 60])
def test_a_narrow_terminal_shows_every_name_and_figure_in_a_list(width: int) -> None:
    lines = printed(front("first:18", "hybrid/SESR-M11-like"), width=width).splitlines()
    assert lines[0] == "Front of first"
    assert lines[1] == "first:18" and lines[9] == "hybrid/SESR-M11-like"
    assert lines[2:9] == [
        "  trial: 18",
        "  PSNR dB: 36.09",
        "  over bicubic: +2.24",
        "  SSIM: 0.9198",
        "  MACs: 28.9G",
        "  params: 126K",
        "  front, knee",
    ]


def test_names_stay_readable_on_80_columns() -> None:
    lines = printed(front("hybrid/SESR-M11-like")).splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split("│")[1].strip() for line in lines if line.startswith("│")]
    assert "".join(names).endswith("hybrid/SESR-M11-like")
    assert max(map(len, names)) >= NAME_WIDTH


def test_what_is_drawn_is_no_formula() -> None:
    figure = Figure()
    FigureCanvasAgg(figure)
    drawn = figure.text(0.1, 0.1, drawable("$x_{$ K\udce4lte \\alpha"))
    figure.draw_without_rendering()
    assert drawn._preprocess_math(drawn.get_text()) == ("$x_{$ K\\xe4lte \\alpha", False)
