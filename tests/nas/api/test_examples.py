"""Every public name is documented, and its example does what it shows."""

import doctest
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas


def public() -> Iterator[tuple[str, Any]]:
    """Yield `nas`, its functions and classes, and the public methods of those of `nas.api`, by their names."""
    yield "nas", nas
    for name in sorted({*nas.__all__} - {"STOP"}):
        thing = getattr(nas, name) if name not in ("search", "cost") else function(name)
        yield name, thing
        if inspect.isclass(thing) and thing.__module__.startswith("nas.api."):
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
    plain = inspect.unwrap(thing) if callable(thing) else thing
    said: list[str] = []
    for test in doctest.DocTestFinder(recurse=False).find(plain, name, globs={"nas": nas, "np": np}):
        doctest.DocTestRunner().run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize(("name", "thing"), [pytest.param(*found, id=found[0]) for found in public()])
def test_arguments_results_and_errors_are_documented(name: str, thing: Any) -> None:
    documented = inspect.getdoc(thing) or ""
    assert documented
    if not inspect.isfunction(thing):
        return
    for parameter in inspect.signature(thing).parameters.values():
        if parameter.name == "self":
            continue
        assert f"    {parameter.name}: " in documented, f"{name} doesn't explain {parameter.name}"
    if "Args:" in documented:
        assert "Returns:" in documented or inspect.signature(thing).return_annotation is None
