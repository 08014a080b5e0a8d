"""What can be built: architectures, spaces and the blocks they share."""

from search_spaces.architecture import Architecture
from search_spaces.plugins import load_plugin
from search_spaces.registry import UnknownNameError
from search_spaces.space import (
    SPACES,
    Choice,
    Choices,
    Claim,
    Part,
    Published,
    SearchSpace,
    SkippedSpace,
    SpaceError,
    TrainedLuma,
    Trial,
    Values,
    register,
)

__all__ = [
    "SPACES",
    "Architecture",
    "Choice",
    "Choices",
    "Claim",
    "Part",
    "Published",
    "SearchSpace",
    "SkippedSpace",
    "SpaceError",
    "TrainedLuma",
    "Trial",
    "UnknownNameError",
    "Values",
    "load_plugin",
    "register",
]
