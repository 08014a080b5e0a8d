"""Metrics of pixels: PSNR, and the means of squared and absolute errors."""

from torch import Tensor

from nas.metrics.metric import metric

PSNR_LIMIT = 100.0
"""The PSNR in dB of an exactly reproduced image in a mean. An infinite value would hide all others."""


def limited(decibels: float) -> float:
    """Return a PSNR for use in a mean: at most `PSNR_LIMIT`."""
    return min(decibels, PSNR_LIMIT)


def decibels(error: Tensor, peak: float) -> Tensor:
    """Return 10 log10(peak² / error) in dB for a mean squared error in squared levels; infinite for 0."""
    return 10 * (peak**2 / error).log10()


@metric("psnr", label="PSNR", unit="dB", digits=3, limit=PSNR_LIMIT)
def peak_signal_to_noise_ratio(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return 10 log10(peak² / mean squared error), in dB."""
    return decibels(mean_squared_error(sr, hr, peak), peak)


@metric("mse", label="MSE", unit="levels²", higher_is_better=False, digits=3)
def mean_squared_error(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the mean squared difference, in squared levels of the image's integers."""
    return (sr - hr).square().mean(dim=(1, 2, 3))


@metric("mae", label="MAE", unit="levels", higher_is_better=False, digits=3)
def mean_absolute_error(sr: Tensor, hr: Tensor, peak: float) -> Tensor:
    """Return the mean absolute difference, in levels of the image's integers."""
    return (sr - hr).abs().mean(dim=(1, 2, 3))
