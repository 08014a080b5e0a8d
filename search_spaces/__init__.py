"""What can be built: architectures, spaces and the blocks they share."""

from search_spaces.architecture import Architecture
from search_spaces.choices import Choice, Choices, Trial, Values
from search_spaces.part import Part
from search_spaces.plugins import load_plugin
from search_spaces.published import Claim, Published, TrainedLuma
from search_spaces.registry import UnknownNameError
from search_spaces.skipped import SkippedSpace
from search_spaces.space import SPACES, SearchSpace, SpaceError, register

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
