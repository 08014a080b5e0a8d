"""Metrics of reconstructions, computed on the integers of a file, and the protocol that makes them comparable."""

from nas.metrics.measurement import (
    Measurement,
    Reconstruction,
    Upscale,
    baseline_name,
    bicubic_baseline,
    enlarge,
    measure,
)
from nas.metrics.metric import METRICS, LearnedMetric, Metric, metric, select_metrics
from nas.metrics.pixelwise import PSNR_LIMIT, limited
from nas.metrics.protocol import Protocol
from nas.metrics.self_ensemble import self_ensemble
from nas.metrics.single import psnr, ssim
from nas.metrics.structure import SSIM_WINDOW

__all__ = [
    "METRICS",
    "PSNR_LIMIT",
    "SSIM_WINDOW",
    "LearnedMetric",
    "Measurement",
    "Metric",
    "Protocol",
    "Reconstruction",
    "Upscale",
    "baseline_name",
    "bicubic_baseline",
    "enlarge",
    "limited",
    "measure",
    "metric",
    "psnr",
    "select_metrics",
    "self_ensemble",
    "ssim",
]
