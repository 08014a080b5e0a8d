"""Every documented command works: in the order in which a user reads them, on small images and briefly."""

import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from documented import ROOT, commands, localised, nas_commands, piped_commands, run, run_piped, write_files
from test_rooms import imported

from nas.data.images import read_image

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
NAS = nas_commands(README)
LONG = {"benchmark", "latency"}
"""Pages whose commands take half a minute; `pytest -m slow` runs them."""
BROUGHT = {"torchvision", "pydantic_core", "sqlalchemy"}
"""Packages that come with spandrel, pydantic and Optuna as their declared dependencies."""


def test_the_documentation_names_every_command() -> None:
    shown = {words[0] for text in (README, *(page.read_text() for page in PAGES)) for words in nas_commands(text)}
    listed = subprocess.run([sys.executable, "-m", "nas", "--help"], capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^[│ ] {1,2}([a-z]+)  ", listed, flags=re.MULTILINE))
    assert known, listed
    assert known <= shown


def test_what_is_imported_comes_with_the_first_line_or_with_an_extra_that_the_documentation_names() -> None:
    assert commands(README)[2] == "pip install -c constraints.txt -e ."
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: _distributions(lines) for name, lines in project["optional-dependencies"].items() if name != "dev"}
    pages = README + "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert all(f"'.[{name}]'" in pages for name in extras)
    known = _distributions(project["dependencies"]).union(*extras.values())
    owners = packages_distributions()
    for file in sorted((ROOT / "nas").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        named = {*imported(file), *re.findall(r'\b(?:required|import_module)\("(\w+)', text)}
        packages = {name.partition(".")[0] for name in named} - sys.stdlib_module_names - {"nas", "proxies"}
        for package in packages - {"search_spaces", "", *BROUGHT}:
            found = {_distribution(owner) for owner in owners.get(package, [package])}
            assert found & known, f"{file} imports {package}, which no line of the documentation installs"


def _distributions(lines: list[str]) -> set[str]:
    return {_distribution(re.split(r"[\[<>=;~! ]", line)[0]) for line in lines}


def _distribution(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -c constraints.txt -e '.[dev]'" in commands(README)
    assert "-c constraints.txt -e '.[dev]'" in ci
    assert commands(README)[commands(README).index("pip install -c constraints.txt -e '.[dev]'") + 1] == "pytest"
    assert ci.rstrip().endswith("pytest")


@pytest.mark.timeout(900)
def test_every_command_works(tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(README, tiny_data)
    for words in NAS:
        if words[0] == "dashboard":
            check_dashboard(words)
        else:
            run(localised(words, tiny_data))
    height, width = read_image(Path("some.png")).shape
    assert read_image(Path("some_x2.png")).shape == (2 * height, 2 * width)
    assert {p.name for p in Path("out").iterdir()} >= {
        "architecture.yaml",
        "weights.safetensors",
        "model.onnx",
        "retrain.yaml",
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.stem, marks=pytest.mark.slow if p.stem in LONG else ()) for p in PAGES]
)
def test_every_command_of_a_page_works(
    page: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    write_files(text, tiny_data)
    for words in nas_commands(text):
        run(localised(words, tiny_data))
    for command in piped_commands(text):
        run_piped(command, tiny_data)
    if page.stem == "upscaling":
        for example in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
            exec(compile(example, page.name, "exec"), {})


def check_dashboard(words: list[str]) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-m", "nas", *words, "--port", str(port)], stderr=subprocess.PIPE)
    try:
        assert fetch(f"http://127.0.0.1:{port}/dashboard/").startswith(b"<!DOCTYPE html>")
        assert b"first" in fetch(f"http://127.0.0.1:{port}/api/studies")
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=20) == 0


def fetch(url: str) -> bytes:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
