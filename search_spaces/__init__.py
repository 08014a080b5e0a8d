"""What can be built: architectures, spaces and the blocks they share."""

from search_spaces.architecture import Architecture
from search_spaces.registry import UnknownNameError, load_plugin
from search_spaces.space import SPACES, Choice, Choices, Published, SearchSpace, SpaceError, Trial, register

__all__ = [
    "SPACES",
    "Architecture",
    "Choice",
    "Choices",
    "Published",
    "SearchSpace",
    "SpaceError",
    "Trial",
    "UnknownNameError",
    "load_plugin",
    "register",
]
