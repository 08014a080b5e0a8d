"""The Pareto front beside the published networks, as a picture (PNG) and as an interactive page (HTML)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nas.cost import HR_SIZE
from nas.image_size import Size
from nas.model import write_atomic
from nas.report.front_page import draw_page
from nas.report.front_picture import draw_picture
from nas.report.front_view import Dot, View

__all__ = ["Dot", "plot_front"]


def plot_front(
    dots: Sequence[Dot],
    *,
    untrained: Mapping[str, int],
    budget_macs: int | None,
    bicubic_psnr: float | None,
    title: str,
    protocol: str,
    hr_size: Size = HR_SIZE,
    baseline: str = "bicubic interpolation",
    png: Path,
    html: Path,
) -> None:
    """Draw PSNR in dB over MACs (logarithmic, in G) and write both files, each whole or not at all.

    `untrained` maps published networks that have no PSNR on this data to their MACs: they are ticks at the bottom. The
    budget is a vertical line, the PSNR of `baseline` a horizontal one. `protocol` says in one line how the
    PSNR was measured; MACs are for an HR image of `hr_size`. The page needs no network and no other file. Missing
    folders of `png` and `html` are made.
    """
    view = View(dots, untrained, budget_macs, bicubic_psnr, title, protocol, hr_size, baseline)
    for path in (png, html):
        path.parent.mkdir(parents=True, exist_ok=True)
    partial = png.with_name(f".{png.name}.partial")
    draw_picture(view).savefig(partial, format="png")
    partial.replace(png)
    write_atomic(html, draw_page(view))
