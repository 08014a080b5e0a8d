"""The validation of a network between the steps of its training."""

import torch
from torch import Tensor, nn

from nas.data.image_set import ImageSet
from nas.metrics import Measurement, measure
from nas.training.report import SAMPLE_SIDE


def validate(
    network: nn.Module, images: ImageSet, crop: int | None, device: torch.device, *, with_ssim: bool
) -> Measurement:
    """Return the PSNR, and with `with_ssim` the SSIM, of a network on the centres (`crop` HR pixels) of images."""
    metrics = ("psnr", "ssim") if with_ssim else ("psnr",)
    network.eval()
    with torch.inference_mode():
        measured = measure(lambda lr: _upscaled(network, lr), images, metrics, crop=crop, device=device)
    network.train()
    return measured


def sample_of(network: nn.Module, images: ImageSet, device: torch.device) -> Tensor:
    """Return the centre of the first image as the network upscales it, [1, H, W] in 0..1 on the CPU."""
    network.eval()
    with torch.inference_mode():
        sample = _upscaled(network, images.pair(0, SAMPLE_SIDE).lr.to(device))
    network.train()
    return sample[0].clamp(0, 1).cpu()


def _upscaled(network: nn.Module, lr: Tensor) -> Tensor:
    sr: Tensor = network(lr.contiguous(memory_format=torch.channels_last))
    return sr.float()
