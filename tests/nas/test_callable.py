import inspect
import types

import pytest

import nas.api.networks
import nas.api.searching
import nas.cost
import nas.search
from nas.callable import CallableModule


@pytest.mark.parametrize(
    ("module", "function"), [(nas.search, nas.api.searching.search), (nas.cost, nas.api.networks.cost)]
)
def test_a_module_is_called_as_the_function_of_its_name(module: types.ModuleType, function: object) -> None:
    assert isinstance(module, CallableModule)
    assert callable(module)
    assert inspect.signature(module) == inspect.signature(function)  # type: ignore[arg-type]
    assert inspect.ismodule(module)
    assert module.__spec__ is not None


def test_a_call_passes_everything_on() -> None:
    assert nas.cost("ecbsr/M4C8", scale=2) == nas.cost.cost(nas.Architecture.published("ecbsr/M4C8"))
