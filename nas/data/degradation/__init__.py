"""Degradations: how a high-resolution image becomes a low-resolution one, as pipelines of operations in YAML."""

from nas.data.degradation.files import gaussian_noise, low_resolution, read_low_resolution
from nas.data.degradation.named import (
    DEGRADATIONS,
    Description,
    degradation,
    described_by,
    get_degradation,
    label_of,
    name_of,
)
from nas.data.degradation.operation import OPERATIONS, Operation, operation
from nas.data.degradation.pipeline import Degradation, Pipeline

__all__ = [
    "DEGRADATIONS",
    "OPERATIONS",
    "Degradation",
    "Description",
    "Operation",
    "Pipeline",
    "degradation",
    "described_by",
    "gaussian_noise",
    "get_degradation",
    "label_of",
    "low_resolution",
    "name_of",
    "operation",
    "read_low_resolution",
]
