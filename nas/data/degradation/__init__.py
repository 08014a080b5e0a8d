"""Degradations: how an HR image becomes an LR image, as pipelines of operations in YAML."""

from nas.data.degradation.files import gaussian_noise, low_resolution, read_low_resolution
from nas.data.degradation.named import (
    DEGRADATIONS,
    Description,
    degradation,
    get_degradation,
    label_of,
    name_of,
    self_contained,
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
    "gaussian_noise",
    "get_degradation",
    "label_of",
    "low_resolution",
    "name_of",
    "operation",
    "read_low_resolution",
    "self_contained",
]
