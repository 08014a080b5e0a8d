from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from nas.data.dataset import open_images
from nas.data.image_set import ImageSet
from nas.data.images import write_image
from nas.data.synthetic import scene
from nas.evaluation.crops import SIDE, CropFinder, Viewer, picture_crops
from nas.metrics import Upscale, enlarge, measure

CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Two synthetic scenes of 200 x 264 pixels."""
    (tmp_path / "set").mkdir()
    for index in range(2):
        write_image(tmp_path / "set" / f"{index}.png", scene(index, 200, 264))
    return open_images(tmp_path / "set", scale=2, cache=tmp_path / "cache")


def cheat(images: ImageSet, right: dict[int, tuple[int, int]], wrong: dict[int, tuple[int, int]]) -> Upscale:
    """Bicubic interpolation, but exact or wrong by 40 levels in a crop's size from (top, left) on, by image."""
    bicubic = enlarge(2)

    def upscale(lr: Tensor) -> Tensor:
        index = next(i for i in range(len(images)) if torch.equal(images.pair(i).lr, lr))
        sr, hr = bicubic(lr), images.pair(index).hr
        for top, left in [right[index]] if index in right else []:
            sr[..., top : top + SIDE, left : left + SIDE] = hr[..., top : top + SIDE, left : left + SIDE]
        for top, left in [wrong[index]] if index in wrong else []:
            sr[..., top : top + SIDE, left : left + SIDE] = hr[..., top : top + SIDE, left : left + SIDE] + 40 / 255
        return sr

    return upscale


def test_the_crop_of_the_greatest_gain_and_of_the_greatest_loss_are_found(images: ImageSet) -> None:
    finder = CropFinder(images, shave=2, count=1)
    upscale = cheat(images, right={0: (66, 34)}, wrong={1: (98, 162)})
    measure(upscale, images, ["psnr"], watch=finder)
    (gain, is_gain), (loss, is_loss) = finder.crops()
    assert (is_gain, is_loss) == (True, False)
    assert (gain.image, gain.name) == (0, "0.png")
    assert abs(gain.top - 66) <= SIDE // 2 and abs(gain.left - 34) <= SIDE // 2
    assert loss.place == (1, 98, 162)
    bicubic = enlarge(2)(images.pair(1).lr)
    error = loss.of(torch.floor(bicubic.clamp(0, 1) * 255 + 0.5) - images.pair(1).hr * 255).square().mean()
    clipped = loss.of((images.pair(1).hr + 40 / 255).clamp(max=1) - images.pair(1).hr).mul(255).square().mean()
    assert loss.gain == pytest.approx((error - clipped).item(), rel=1e-3)


@pytest.mark.parametrize("count", [2, 3])
def test_crops_lie_apart_inside_the_shave_and_come_from_all_images(images: ImageSet, count: int) -> None:
    finder = CropFinder(images, shave=5, count=count)
    measure(cheat(images, {}, {0: (66, 34)}), images, ["psnr"], watch=finder)
    crops = finder.crops()
    assert [is_gain for _, is_gain in crops] == [True] * count + [False] * count
    for kind in (True, False):
        some = [crop for crop, is_gain in crops if is_gain == kind]
        assert {crop.image for crop in some} == {0, 1}
        gains = [crop.gain for crop in some]
        assert gains == sorted(gains, reverse=kind)
    for crop, _ in crops:
        assert crop.top >= 5 and crop.top + crop.side <= 195 and crop.top % 2 == crop.left % 2 == 0
        assert crop.left >= 5 and crop.left + crop.side <= 259
        assert sum(crop.overlaps(other) for other, _ in crops) == 1  # itself


def test_small_images_give_small_crops_or_none(tmp_path: Path) -> None:
    for side in (5, 40):
        write_image(tmp_path / f"{side}.png", scene(0, 64, 64)[:side, :side])
    images = open_images(tmp_path, scale=2, cache=tmp_path / "cache")
    finder = CropFinder(images, shave=1, count=1)
    measure(enlarge(2), images, ["psnr"], shave=1, watch=finder)
    assert [(crop.name, crop.side) for crop, _ in finder.crops()] == [("40.png", 12), ("40.png", 12)]


def test_a_crop_is_pictured_as_every_network_makes_it(images: ImageSet) -> None:
    right = {0: (66, 34)}
    finder = CropFinder(images, shave=2, count=1)
    viewers = {"bicubic": Viewer(enlarge(2), images), "cheat": Viewer(cheat(images, right, {}), images)}
    measure(viewers["cheat"].upscale, images, ["psnr"], watch=finder)
    gain, loss = picture_crops({"cheat": finder.crops()}, viewers, CPU)["cheat"]
    assert gain.is_gain and not loss.is_gain
    top, left = gain.crop.top, gain.crop.left
    hr = images.hr.pixels(0)[top : top + SIDE, left : left + SIDE]
    lr = images.lr.pixels(0)[top // 2 : (top + SIDE) // 2, left // 2 : (left + SIDE) // 2]
    assert np.array_equal(gain.hr, hr) and np.array_equal(gain.lr, lr)
    bicubic, cheating = gain.panels["bicubic"], gain.panels["cheat"]
    expected = 10 * np.log10(255**2 / np.mean((bicubic.pixels - hr) ** 2))
    assert bicubic.psnr == pytest.approx(expected)
    assert cheating.psnr > bicubic.psnr
