"""`import nas`: quick, without any effect, and the same names for Python and for type checkers."""

import ast
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import nas

ROOT = Path(nas.__file__).parents[1]
FACE = ast.parse(Path(nas.__file__).read_text(encoding="utf-8"))


def python(code: str, folder: Path) -> str:
    """Run a program in a fresh process, in an empty folder, and return what it prints."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return ended.stdout


def test_importing_takes_a_moment_and_loads_nothing(tmp_path: Path) -> None:
    code = """
import sys, time
before, began = set(sys.modules), time.process_time()
import nas
seconds = time.process_time() - began
import json
print(json.dumps([seconds, sorted({name.partition(".")[0] for name in {*sys.modules} - before})]))
"""
    seconds, loaded = json.loads(python(code, tmp_path))
    assert seconds < 0.2
    assert not {"torch", "optuna", "numpy", "cv2", "pydantic", "yaml", "rich", "typer"} & set(loaded)


def test_importing_changes_nothing(tmp_path: Path) -> None:
    code = """
import os, signal, sys, threading, warnings
def state():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return dict(os.environ), list(warnings.filters), warnings.showwarning, handlers, threading.active_count()
before = state()
import nas
assert state() == before
import nas.search, nas.search.run, nas.search.study
import optuna
assert state()[2:] == before[2:]  # OpenCV changes the environment by itself, PyTorch and others the filters
assert optuna.logging.get_verbosity() == optuna.logging.INFO
assert not any(category is optuna.exceptions.ExperimentalWarning for _, _, category, _, _ in warnings.filters)
print(os.listdir())
"""
    assert python(code, tmp_path) == "[]\n"


@pytest.mark.parametrize(
    "order",
    [
        "import nas.search.run as run; from nas.search import run as same; assert run is same; import nas.cost",
        "from nas import search, cost; import nas; nas.search, nas.cost; import nas.search.run",
    ],
)
def test_search_and_cost_are_called_and_are_modules_in_whichever_order_they_are_imported(
    order: str, tmp_path: Path
) -> None:
    code = f"""
{order}
import nas
assert nas.cost("ecbsr/M4C8").params == nas.cost.cost(nas.Architecture.published("ecbsr/M4C8")).params
try:
    nas.search()
except nas.InputError as error:
    assert "budget" in str(error)
else:
    raise AssertionError
import nas.search.run
assert nas.search.run.open_run
assert callable(nas.search) and callable(nas.cost)
import inspect
assert [*inspect.signature(nas.search).parameters][:2] == ["budget", "range_from"]
assert [*inspect.signature(nas.cost).parameters][:2] == ["name", "scale"]
"""
    python(code, tmp_path)


def test_all_public_names_are_there_and_listed() -> None:
    assert nas.__all__ == sorted(nas.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert {*nas.__all__} <= {*dir(nas)}
    assert all(getattr(nas, name) is not None for name in nas.__all__)
    namespace: dict[str, object] = {}
    exec("from nas import *", namespace)
    assert {*nas.__all__} <= {*namespace}
    with pytest.raises(AttributeError, match="module 'nas' has no attribute 'serch'"):
        _ = nas.serch  # type: ignore[attr-defined]


def test_type_checkers_see_the_same_names() -> None:
    (block,) = [node for node in FACE.body if isinstance(node, ast.If)]
    seen = {
        alias.asname: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(seen, key=str) == sorted(nas.__all__, key=str)
    for name, (module, attribute) in seen.items():
        __import__(str(module))
        found = getattr(sys.modules[str(module)], attribute)
        if name in ("search", "cost"):
            assert inspect.signature(getattr(nas, name)) == inspect.signature(found)
        else:
            assert getattr(nas, str(name)) is found


def test_every_public_function_is_typed() -> None:
    for name in nas.__all__:
        thing = getattr(nas, name)
        if inspect.isfunction(thing):
            hints = get_type_hints(inspect.unwrap(thing))
            assert "return" in hints, name


def test_the_packages_say_that_they_are_typed() -> None:
    for package in ("nas", "search_spaces", "proxies"):
        assert (ROOT / package / "py.typed").is_file()


def test_the_version_is_that_of_the_project() -> None:
    assert f'version = "{nas.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
