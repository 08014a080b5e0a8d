from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from nas.data.images import read_image, write_image
from nas.data.synthetic import scene
from nas.errors import InputError, RunError
from nas.report.degradation_picture import DRAWS, draw_degradation, write_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "night").mkdir()
    for index in range(5):
        pixels = scene(index, 200, 240)
        write_image(tmp_path / "night" / f"{index}.png", pixels.astype(np.uint16) * 20 if index == 4 else pixels)
    return tmp_path / "night"


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def shown(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def test_a_row_shows_an_image_bicubic_and_draws_of_the_degradation(folder: Path) -> None:
    figure = draw_degradation(folder, "bsrgan", count=2)
    assert len(figure.axes) == 2 * (2 + DRAWS)
    assert [text for text in texts(figure) if text.endswith(".png")] == ["0.png", "2.png"]
    captions = texts(figure)
    assert captions.count("original") == captions.count("bicubic x2") == captions.count("bsrgan, draw 4") == 2
    assert "128 x 128 pixels" in captions
    assert sum(text.endswith(" dB") for text in captions) == 2 * (1 + DRAWS)
    panels = shown(figure)[: 2 + DRAWS]
    assert [panel.shape for panel in panels] == [(128, 128), *[(64, 64)] * (1 + DRAWS)]
    assert not any(np.array_equal(panels[2], other) for other in panels[3:])


@pytest.mark.parametrize(("scale", "side"), [(1, 64), (2, 64), (3, 42), (4, 50)])  # at x4 the images are lower
def test_both_resolutions_show_the_same_part(folder: Path, scale: int, side: int) -> None:
    original, low, *_ = shown(draw_degradation(folder, "noise", scale=scale, count=1))
    assert (original.shape, low.shape) == ((scale * side, scale * side), (side, side))
    means = original.reshape(side, scale, side, scale).mean((1, 3))
    assert np.corrcoef(means.ravel(), low.ravel())[0, 1] > 0.99


def test_what_is_not_random_is_shown_once(folder: Path) -> None:
    assert len(draw_degradation(folder, "bicubic", count=1).axes) == 2
    own = {"name": "soft", "operations": [{"blur": {"sigma": 2}}, "resize"]}
    figure = draw_degradation(folder, own, count=1)
    assert len(figure.axes) == 3
    assert "soft" in texts(figure)


def test_more_images_than_there_are_need_not_be(folder: Path) -> None:
    assert len(draw_degradation(folder, "bicubic", count=50).axes) == 5 * 2


def test_the_picture_is_written_pixel_by_pixel(folder: Path, tmp_path: Path) -> None:
    picture = read_image(write_picture(draw_degradation(folder, "infrared", count=1), tmp_path / "preview.png"))
    assert picture.shape == (58 + 34 + 256 + 10 + 34, 34 + 6 * (256 + 10))
    panel = picture[92 : 92 + 256, 34 + 266 : 34 + 266 + 256]  # bicubic
    squares = panel.reshape(64, 4, 64, 4).astype(int)
    assert (squares.max((1, 3)) - squares.min((1, 3))).max() <= 1


def test_what_is_wrong_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'bsrgan'"):
        draw_degradation(folder, "bsrgn")
    with pytest.raises(InputError, match="The scale must be 1 or more, but got 0"):
        draw_degradation(folder, "bsrgan", scale=0)
    with pytest.raises(InputError, match="not a folder of images"):
        draw_degradation(tmp_path / "none", "bsrgan")
    write_image(folder / "5.png", np.zeros((6, 60), np.uint8))
    with pytest.raises(InputError, match=r"5\.png has 60 x 6 pixels, too few to show"):
        draw_degradation(folder, "bsrgan", count=50)
    with pytest.raises(InputError, match=r"preview\.xyz can't be written"):
        write_picture(draw_degradation(folder, "bicubic", count=1), tmp_path / "preview.xyz")
    with pytest.raises(RunError, match=r"preview\.png can't be written"):
        write_picture(draw_degradation(folder, "bicubic", count=1), tmp_path / "none" / "preview.png")
