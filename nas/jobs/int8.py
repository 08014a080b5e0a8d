"""Int8 files of a model, with what they cost: PSNR and SSIM before and after, on the validation images."""

from pathlib import Path

import numpy as np
import torch

from nas.data.dataset import Dataset
from nas.data.image_set import ImageSet
from nas.deploy.form import Form, levels_of
from nas.deploy.int8_loss import Int8Loss
from nas.deploy.locality import receptive_radius
from nas.deploy.onnx_network import OnnxNetwork
from nas.deploy.quantise import CALIBRATION, Array, quantise
from nas.errors import InputError
from nas.metrics import Measurement, measure
from nas.model import Model
from nas.progress import Progress

SIDE = 96
"""Side of the calibration images of a file for any size, in LR pixels."""


def write_int8(
    model: Model,
    form: Form,
    source: Path,
    target: Path,
    data: Dataset,
    *,
    whole: bool = False,
    progress: Progress | None = None,
) -> Int8Loss:
    """Write the int8 form of the ONNX file `source` of a model, calibrated on training images, and measure both files.

    `data` has the normalisation of the model.

    Raises InputError if the images are too small; RunError as `quantise` does.
    """
    quantise(source, target, calibration_images(data.train, form), whole=whole)
    levels = None if form.bits is None else levels_of(data.normalisation, form.bits)
    scale, channels = model.architecture.scale, model.architecture.channels
    edge = None if form.lr is None else receptive_radius(model.network, scale, channels)
    before, after = (
        _measured(OnnxNetwork(path, scale, form, levels, edge), data.validation, progress) for path in (source, target)
    )
    return Int8Loss(len(data.validation), before.psnr, after.psnr, before.ssim, after.ssim)


@torch.no_grad()
def _measured(network: OnnxNetwork, images: ImageSet, progress: Progress | None) -> Measurement:
    return measure(network, images, progress=progress)


def calibration_images(images: ImageSet, form: Form) -> list[Array]:
    """Return LR images as inputs of a file of this form, of one size: the middles of images spread over a set.

    An image that is smaller than a fixed size is continued by its outermost pixels. Raises InputError if no image has
    `SIDE` pixels on both sides, for a file of any size.
    """
    width, height = form.lr or (SIDE, SIDE)
    places = np.unique(np.linspace(0, len(images) - 1, min(len(images), CALIBRATION)).round().astype(int))
    found = []
    for index in places:
        pair = images.pair(int(index))
        image = pair.lr
        if form.lr is None and min(image.shape[-2:]) < SIDE:
            continue
        if form.bits is not None:
            image = form.integers(pair.levels.integers(image))
        found.append(_middle(image.numpy(), width, height))
    if not found:
        raise InputError(f"No training image has {SIDE} x {SIDE} LR pixels to calibrate int8; give --lr, a fixed size.")
    return found


def _middle(image: Array, width: int, height: int) -> Array:
    """Return the middle of an image [1, C, H, W], continued by its outermost pixels where it is smaller."""
    missing = max(0, height - image.shape[2]), max(0, width - image.shape[3])
    image = np.pad(image, ((0, 0), (0, 0), (0, missing[0]), (0, missing[1])), mode="edge")
    top, left = (image.shape[2] - height) // 2, (image.shape[3] - width) // 2
    return np.ascontiguousarray(image[..., top : top + height, left : left + width])
