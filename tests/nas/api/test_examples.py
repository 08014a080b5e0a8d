"""Every public name is documented, and its example does what it shows."""

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas

WITHOUT_EXAMPLE = {"STOP", "Architecture", "Cost", "Exported", "InputError", "RunError", "StoppedError"}
"""A value, an exception, or what the example of another name returns."""


def public() -> Iterator[tuple[str, Any]]:
    """Yield the functions, classes and public methods of `nas`, by their names."""
    for name in sorted({*nas.__all__} - WITHOUT_EXAMPLE):
        thing = getattr(nas, name) if name not in ("search", "cost") else function(name)
        yield name, thing
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    yield f"{name}.{member}", value


def function(name: str) -> Any:
    import nas.api.networks
    import nas.api.searching

    return nas.api.searching.search if name == "search" else nas.api.networks.cost


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*found, id=found[0]) for found in public()])
def test_an_example_does_what_it_shows(name: str, thing: Any, here: Path) -> None:
    documented = inspect.getdoc(thing) or ""
    if not isinstance(thing, property):
        assert ">>> " in documented, f"{name} has no example"
    nas.use_plugins("dots.py")
    (test,) = doctest.DocTestFinder(recurse=False).find(
        inspect.unwrap(thing) if callable(thing) else thing, name, globs={"nas": nas, "np": np}
    ) or [None]
    if test is None:
        return
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*found, id=found[0]) for found in public()])
def test_arguments_results_and_errors_are_documented(name: str, thing: Any) -> None:
    if isinstance(thing, property) or inspect.isclass(thing):
        assert inspect.getdoc(thing)
        return
    documented = inspect.getdoc(thing) or ""
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.name == "self":
            continue
        assert f"    {parameter.name}: " in documented, f"{name} doesn't explain {parameter.name}"
    if ":" in documented and "Args:" in documented:
        assert "Returns:" in documented or inspect.signature(thing).return_annotation in (None, "None")
