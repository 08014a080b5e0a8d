import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nas.data.dataset import open_images
from nas.data.image_set import ImageSet, Pair
from nas.data.images import write_image
from nas.data.levels import Levels
from nas.data.synthetic import scene
from nas.errors import InputError
from nas.metrics import (
    PSNR_LIMIT,
    Protocol,
    Reconstruction,
    baseline_name,
    bicubic_baseline,
    measure,
    psnr,
    ssim,
)
from nas.metrics import measurement as module


def test_a_measurement_is_the_mean_over_the_images(images: ImageSet) -> None:
    seen: list[tuple[int, int]] = []
    result = measure(_nearest, images, progress=lambda done, total: seen.append((done, total)))
    assert [name for name, _ in result.per_image] == list(images.names)
    assert result.psnr == pytest.approx(np.mean([figures["psnr"] for _, figures in result.per_image]))
    assert result.ssim == pytest.approx(np.mean([figures["ssim"] for _, figures in result.per_image]))
    sr, hr = _integers(images.pair(1))
    assert result.per_image[1][1]["psnr"] == pytest.approx(psnr(sr, hr, peak=255, shave=2), abs=1e-12)
    assert result.per_image[1][1]["ssim"] == pytest.approx(ssim(sr, hr, peak=255, shave=2), abs=1e-12)
    assert seen == [(1, 2), (2, 2)]


def test_a_crop_measures_the_centre_only(images: ImageSet) -> None:
    expected = psnr(*_integers(images.pair(0, crop=48)), peak=255, shave=2)
    assert measure(_nearest, images, crop=48).per_image[0][1]["psnr"] == pytest.approx(expected, abs=1e-12)


def test_the_shave_may_be_another(images: ImageSet) -> None:
    expected = psnr(*_integers(images.pair(0)), peak=255, shave=9)
    assert measure(_nearest, images, shave=9).per_image[0][1]["psnr"] == pytest.approx(expected, abs=1e-12)
    assert measure(_nearest, images, shave=2) == measure(_nearest, images)


def test_only_what_is_named_is_measured(images: ImageSet) -> None:
    result = measure(_nearest, images, ["psnr"])
    assert math.isnan(result.ssim)
    assert set(result.means) == {"psnr"}
    assert result.psnr == measure(_nearest, images).psnr
    assert measure(_nearest, images, ["mae", "psnr-hvs"]).means.keys() == {"mae", "psnr-hvs"}


def test_results_are_rounded_half_up_and_clipped_never_truncated(images: ImageSet) -> None:
    originals = iter([images.pair(0).hr, images.pair(1).hr])
    assert measure(lambda lr: next(originals) + 0.49 / 255, images).psnr == PSNR_LIMIT
    originals = iter([images.pair(0).hr, images.pair(1).hr])
    assert measure(lambda lr: next(originals) - 0.49 / 255, images).psnr == PSNR_LIMIT
    originals = iter([images.pair(0).hr, images.pair(1).hr])
    assert measure(lambda lr: next(originals) + 0.51 / 255, images, ["mae"]).means["mae"] == pytest.approx(1, abs=0.05)
    white = measure(lambda lr: torch.full((1, 1, 80, 96), 7.0), images, ["mae"])
    assert white == measure(lambda lr: torch.ones(1, 1, 80, 96), images, ["mae"])


def test_the_levels_of_an_image_tell_its_integers_and_its_peak(
    images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = measure(_nearest, images)
    seen: list[Reconstruction] = []
    levels = Levels(low=10, high=110, limit=255, peak=100)
    pair = ImageSet.pair

    def scaled(images: ImageSet, index: int, crop: int | None = None) -> object:
        found = pair(images, index, crop)
        return replace(found, lr=levels.values(255 * found.lr), hr=levels.values(255 * found.hr), levels=levels)

    monkeypatch.setattr(ImageSet, "pair", scaled)
    result = measure(_nearest, images, ["psnr"], watch=seen.append)
    assert result.psnr == pytest.approx(plain.psnr + 20 * math.log10(100 / 255), abs=1e-9)
    assert torch.equal(seen[0].hr, torch.round(255 * pair(images, 0).hr))


def test_images_of_one_size_may_go_through_together(images: ImageSet) -> None:
    pairs = [images.pair(0), images.pair(1)]
    assert [len(batch) for batch in module._batches(images, None, 2 * pairs[0].hr.numel())] == [2]
    assert [len(batch) for batch in module._batches(images, None, 2 * pairs[0].hr.numel() - 1)] == [1, 1]
    together = module._reconstruct(_nearest, pairs, module.CPU)
    apart = [module._reconstruct(_nearest, [pair], module.CPU) for pair in pairs]
    assert torch.equal(together.sr, torch.cat([found.sr for found in apart]))
    assert together.names == images.names


def test_images_of_different_sizes_go_through_apart(tmp_path: Path) -> None:
    for side in (32, 32, 40):
        write_image(tmp_path / f"{len(list(tmp_path.iterdir()))}.png", scene(0, side, 32))
    images = open_images(tmp_path, scale=2, cache=tmp_path / "cache")
    assert [len(batch) for batch in module._batches(images, None, 1 << 30)] == [2, 1]


def test_who_watches_sees_the_integers_that_are_compared(images: ImageSet) -> None:
    seen: list[Reconstruction] = []
    measure(_nearest, images, watch=seen.append)
    assert [found.names for found in seen] == [(name,) for name in images.names]
    assert torch.equal(seen[1].hr[0, 0].to(torch.uint8), torch.round(255 * images.pair(1).hr[0, 0]).to(torch.uint8))
    assert seen[0].sr.shape == seen[0].hr.shape == (1, 1, 80, 96)


@pytest.mark.parametrize(
    ("metrics", "shave", "message"),
    [
        (["ms-ssim"], None, "MS-SSIM needs at least 161 x 161 pixels inside the shaved border, but .* has 92 x 76"),
        (["ssim"], 36, "SSIM needs at least 11 x 11 pixels inside the shaved border, but .* has 24 x 8"),
        (["psnr"], 40, "A shave of 40 leaves nothing of the 96 x 80 pixels of"),
    ],
)
def test_images_that_are_too_small_are_named(
    images: ImageSet, metrics: list[str], shave: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        measure(_nearest, images, metrics, shave=shave)


def test_measuring_needs_no_gradients(images: ImageSet) -> None:
    weight = torch.ones((), requires_grad=True)

    def upscale(lr: Tensor) -> Tensor:
        sr = _nearest(lr) * weight
        assert not sr.requires_grad
        return sr

    measure(upscale, images)


def test_a_blank_frame_does_not_hide_the_other_images(tmp_path: Path) -> None:
    write_image(tmp_path / "blank.png", np.full((64, 64), 80, np.uint8))
    write_image(tmp_path / "scene.png", scene(0, 64, 64))
    result = bicubic_baseline(open_images(tmp_path, scale=2, cache=tmp_path / "cache"))
    assert result.per_image[0][1]["psnr"] == PSNR_LIMIT
    assert math.isfinite(result.psnr)


def test_bicubic_is_better_than_repeating_pixels(images: ImageSet) -> None:
    assert bicubic_baseline(images).psnr > measure(_nearest, images).psnr


def test_the_bicubic_baseline_of_the_development_set_is_known(infrared: Path, tmp_path: Path) -> None:
    images = open_images(infrared / "val", scale=2, cache=tmp_path)
    if images.fingerprint != DEVELOPMENT_SET:
        pytest.skip("the figure is of the 30 images of shared/infrared/val")
    # The same protocol with MATLAB's imresize, mirrored borders and all, gives 34.5371 dB.
    result = bicubic_baseline(images)
    assert result.psnr == pytest.approx(34.537, abs=0.005)
    assert result.ssim == pytest.approx(0.9073, abs=0.0005)


DEVELOPMENT_SET = "4348d7912cb3d52f"


def test_at_scale_one_the_baseline_is_the_input(tiny_data: Path, tmp_path: Path) -> None:
    noisy = open_images(tiny_data / "val", scale=1, cache=tmp_path / "cache", degradation="noise")
    result = bicubic_baseline(noisy)
    assert result == measure(lambda lr: lr, noisy)
    assert result.psnr == pytest.approx(20 * math.log10(255 / 15), abs=0.3)  # but for what was clipped
    assert Protocol.of(noisy).shave == 1
    assert (baseline_name(1), baseline_name(2)) == ("input", "bicubic")


def _nearest(lr: Tensor) -> Tensor:
    return lr.repeat_interleave(2, -2).repeat_interleave(2, -1)


def _integers(pair: Pair) -> tuple[Tensor, Tensor]:
    """What `measure` compares of an image whose pixels are repeated."""
    return pair.levels.integers(_nearest(pair.lr)), pair.levels.integers(pair.hr)
