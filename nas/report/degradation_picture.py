"""The picture of a degradation on the user's images: the original, bicubic, and several draws side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log10
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from nas.data.degradation import Degradation, Description, Pipeline, get_degradation
from nas.data.folder import SIGNED
from nas.data.images import Pixels, read_image, resize_bicubic
from nas.data.layout import list_images
from nas.errors import InputError
from nas.files import replacing
from nas.metrics import limited
from nas.progress import Progress
from nas.report.console import drawable

DRAWS = 4
"""Number of draws of a random degradation; other degradations have one column."""

PANEL = 256
"""Maximum side of a panel, in pixels of the picture."""

_ZOOM = 4
"""Minimum side of an LR pixel, in pixels of the picture."""

_GAP, _LEFT, _TOP, _CAPTION, _BOTTOM = 10, 34, 58, 34, 34
"""Lengths in pixels of the picture."""

_DPI = 100


@dataclass(frozen=True)
class Panel:
    """One image of the picture: its caption and its values [H, W]."""

    caption: str
    image: Tensor


def draw_degradation(
    folder: Path,
    description: Description,
    *,
    scale: int = 2,
    count: int = 4,
    progress: Progress | None = None,
) -> Figure:
    """Return the picture for `count` images, evenly spread over the images below `folder`.

    It shows the part of each image with the strongest edges, with every LR pixel as a square. Raises InputError for an
    unknown degradation, a scale below 1, a folder without images, and an unreadable or too small image.
    """
    if scale < 1:
        raise InputError(f"The scale must be 1 or more, but got {scale}.")
    maker = get_degradation(description)
    sources = list_images(folder, scale, maker.name).sources
    chosen = [sources[i * len(sources) // count] for i in range(count)] if count < len(sources) else list(sources)
    generator = torch.Generator().manual_seed(0)
    rows = {}
    for done, source in enumerate(chosen):
        hr = read_image(source.hr)
        if min(hr.shape) < scale * _ZOOM:
            raise InputError(f"{source.hr.path} has {hr.shape[1]} x {hr.shape[0]} pixels, too few to show.")
        rows[source.name] = list(_panels(hr, maker, scale, generator))
        if progress:
            progress(done + 1, len(chosen))
    return _figure(rows, f"{maker.name}, x{scale}", _legend(scale), _zoom(scale))


def _panels(hr: Pixels, maker: Degradation, scale: int, generator: torch.Generator) -> Iterator[Panel]:
    """Yield the panels of one image: its part with the strongest edges, before and after the degradations."""
    levels, (height, width) = maker.levels(hr), (side // scale for side in hr.shape)
    whole = levels.values(torch.from_numpy(hr[: height * scale, : width * scale].astype(np.float32)))[None, None]
    rows, columns = _busiest(whole[0, 0], min(_side(scale), height, width), scale)
    there = whole[..., scale * rows.start : scale * rows.stop, scale * columns.start : scale * columns.stop]

    def panel(name: str, lr: Tensor) -> Panel:
        rounded = levels.values(levels.integers(lr[..., rows, columns]))
        enlarged = resize_bicubic(rounded, (there.shape[-2], there.shape[-1]))
        error = float((enlarged - there).square().mean())
        return Panel(f"{name}\n{limited(-10 * log10(max(error, 1e-20))):.1f} dB", rounded[0, 0])

    yield Panel(f"original\n{there.shape[-1]} x {there.shape[-2]} pixels", there[0, 0])
    yield panel(f"bicubic x{scale}", resize_bicubic(whole, (height, width)))
    if isinstance(maker, Pipeline) and maker.is_random:
        for draw in range(DRAWS):
            yield panel(f"{maker.name}, draw {draw + 1}", maker.of_batch(whole, scale, generator))
    elif maker.label != "bicubic":
        yield panel(maker.name, maker(whole, scale))


def _side(scale: int) -> int:
    """Return the side of a panel in LR pixels."""
    return PANEL // _zoom(scale)


def _zoom(scale: int) -> int:
    """Return the side of an LR pixel in pixels of the picture: a multiple of the scale, so HR pixels are squares."""
    return -(-_ZOOM // scale) * scale


def _busiest(image: Tensor, side: int, scale: int) -> tuple[slice, slice]:
    """Return rows and columns of the square with `side` LR pixels that has the strongest edges."""
    pixels = image.numpy()
    edges = cv2.Sobel(pixels, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(pixels, cv2.CV_32F, 0, 1) ** 2
    # The root keeps a single bright wire from outweighing everything else.
    sums = cv2.boxFilter(np.sqrt(edges), -1, (side * scale, side * scale), anchor=(0, 0), normalize=False)
    valid = sums[: pixels.shape[0] - side * scale + 1 : scale, : pixels.shape[1] - side * scale + 1 : scale]
    top, left = np.unravel_index(int(valid.argmax()), valid.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)


def _legend(scale: int) -> str:
    return (
        "Every LR pixel is a square; of each image the part with the strongest edges is shown. "
        f"PSNR after bicubic enlargement x{scale}. Black and white are the original's 0.5 and 99.5 %."
    )


def _figure(rows: dict[str, list[Panel]], title: str, legend: str, zoom: int) -> Figure:
    columns = max(len(panels) for panels in rows.values())
    width = _LEFT + columns * (PANEL + _GAP)
    height = _TOP + len(rows) * (_CAPTION + PANEL + _GAP) + _BOTTOM
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(_LEFT / width, 1 - 14 / height, drawable(title), fontsize=15, fontweight="bold", va="top")
    figure.text(_LEFT / width, 10 / height, legend, fontsize=8.5, color="#555555", va="bottom")
    for row, (name, panels) in enumerate(rows.items()):
        top = _TOP + row * (_CAPTION + PANEL + _GAP) + _CAPTION
        figure.text(
            12 / width,
            1 - (top + PANEL / 2) / height,
            drawable(name),
            rotation=90,
            fontsize=8,
            ha="center",
            va="center",
        )
        low, high = (float(panels[0].image.quantile(share)) for share in (0.005, 0.995))
        for column, panel in enumerate(panels):
            left = _LEFT + column * (PANEL + _GAP)
            side = zoom * panels[1].image.shape[0]  # of all panels of the row: they show the same part
            axes = figure.add_axes((left / width, 1 - (top + side) / height, side / width, side / height))
            axes.imshow(panel.image.numpy(), cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
            axes.set_axis_off()
            first, second = panel.caption.split("\n")
            figure.text(
                left / width, 1 - (top - 17) / height, drawable(first), fontsize=9.5, fontweight="bold", va="bottom"
            )
            figure.text(left / width, 1 - (top - 4) / height, second, fontsize=8.5, color="#555555", va="bottom")
    return figure


def write_picture(figure: Figure, path: Path) -> Path:
    """Write the picture and return its path. Raises InputError for a suffix or a folder that can't be written to."""
    try:
        with replacing(path) as temporary:
            kind = path.suffix.removeprefix(".").lower() or "png"
            figure.savefig(temporary, dpi=_DPI, format=kind, metadata=SIGNED if kind == "png" else None)
    except ValueError as error:
        raise InputError(f"The picture {path} can't be written: {str(error).splitlines()[0].rstrip('.')}.") from None
    return path
