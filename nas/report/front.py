"""The Pareto front beside the published networks, as a picture (PNG) and as an interactive page (HTML)."""

from pathlib import Path

from nas.files import make_folder, replacing, write_atomic
from nas.report.front_page import draw_page
from nas.report.front_picture import draw_picture
from nas.report.front_view import Dot, View

__all__ = ["Dot", "View", "plot_front"]


def plot_front(view: View, png: Path, html: Path) -> None:
    """Draw a quality over a cost (logarithmic) and write both files, each whole or not at all.

    The page needs no network and no other file. Missing folders of `png` and `html` are made.
    """
    for path in (png, html):
        make_folder(path.parent)
    with replacing(png) as temporary:
        draw_picture(view).savefig(temporary, format="png")
    write_atomic(html, draw_page(view))
