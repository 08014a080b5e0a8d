"""Search spaces: architectures, spaces and the blocks that the spaces share.

Each name is imported from its module on first use, so that `import search_spaces` does not load PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

__all__ = [
    "SPACES",
    "Architecture",
    "Choice",
    "Choices",
    "Claim",
    "Counting",
    "Part",
    "Published",
    "Rule",
    "SearchSpace",
    "SkippedSpace",
    "SpaceError",
    "TrainedLuma",
    "Trial",
    "UnknownNameError",
    "Values",
    "load_plugin",
    "read_choices",
    "register",
]

if TYPE_CHECKING:
    from search_spaces.architecture import Architecture
    from search_spaces.choices import Choice, Choices, SpaceError, Trial, Values, read_choices
    from search_spaces.part import Part
    from search_spaces.plugins import load_plugin
    from search_spaces.published import Claim, Counting, Published, Rule, TrainedLuma
    from search_spaces.registry import UnknownNameError
    from search_spaces.skipped import SkippedSpace
    from search_spaces.space import SPACES, SearchSpace, register
else:
    _MODULES = {
        "architecture": ("Architecture",),
        "choices": ("Choice", "Choices", "SpaceError", "Trial", "Values", "read_choices"),
        "part": ("Part",),
        "plugins": ("load_plugin",),
        "published": ("Claim", "Counting", "Published", "Rule", "TrainedLuma"),
        "registry": ("UnknownNameError",),
        "skipped": ("SkippedSpace",),
        "space": ("SPACES", "SearchSpace", "register"),
    }

    def __getattr__(name: str) -> Any:
        for module, names in _MODULES.items():
            if name in names:
                globals()[name] = getattr(importlib.import_module(f"search_spaces.{module}"), name)
                return globals()[name]
        raise AttributeError(f"module 'search_spaces' has no attribute '{name}'")
