"""Modules that can be called, where a function of the public API has the name of a module.

Python binds a sub-package to its name in `nas` whenever somebody imports it. So `nas.search` is always the package, in
whichever order things are imported, and calling the package calls the function. `nas.search.run` stays what it is.
"""

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

_FUNCTIONS = {"nas.search": "nas.api.searching", "nas.cost": "nas.api.networks"}
"""Where the function lies that a module calls, in a room above: it is imported when it is called."""


class CallableModule(ModuleType):
    """A module that passes a call on to the function of its name; signature and help are those of the function."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the public function."""
        return _function(self.__name__)(*arguments, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(_function(self.__name__))


def make_callable(name: str) -> None:
    """Let the module `name` be called like the function of the public API that has its name."""
    sys.modules[name].__class__ = CallableModule


def _function(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(_FUNCTIONS[name]), name.rpartition(".")[2])
    return function
