from pathlib import Path

import numpy as np
import pytest

from nas.data.dataset import open_images
from nas.data.images import write_image
from nas.data.synthetic import scene
from nas.metrics import bicubic_baseline


def test_a_scene_is_the_same_for_the_same_arguments_and_another_for_others() -> None:
    assert np.array_equal(scene(3), scene(3))
    assert not np.array_equal(scene(3), scene(4))
    assert not np.array_equal(scene(3), scene(3, seed=1))


@pytest.mark.parametrize(("height", "width"), [(256, 320), (32, 32), (97, 131)])
def test_a_scene_has_the_size_asked_for_and_uses_the_range(height: int, width: int) -> None:
    pixels = scene(0, height, width)
    assert (pixels.shape, pixels.dtype) == ((height, width), np.uint8)
    assert pixels.min() < 40
    assert pixels.max() > 215


def test_a_scene_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 x 32 pixels, but got 31 x 400"):
        scene(0, 31, 400)


def test_bicubic_does_as_well_as_on_real_infrared_images(tmp_path: Path) -> None:
    for index in range(6):
        write_image(tmp_path / f"{index}.png", scene(index))
    baseline = bicubic_baseline(open_images(tmp_path, scale=2, cache=tmp_path / "cache"))
    assert 33 < baseline.psnr < 38
    assert 0.88 < baseline.ssim < 0.97


def test_what_bicubic_loses_is_edges_more_than_noise() -> None:
    # Noise alone is the same everywhere; edges make the image's gradients heavy-tailed.
    steps = np.abs(np.diff(scene(0).astype(float), axis=1))
    assert np.percentile(steps, 99) > 12 * np.median(steps)
