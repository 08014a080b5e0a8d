"""docs/python.md: its examples run in their order, on small images and briefly."""

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from documented import ROOT, localise, write_files

import nas
import nas.api.searching

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def short() -> SimpleNamespace:
    """The module with searches and trainings that are short unless the example says how long they are."""
    names = {name: getattr(nas, name) for name in nas.__all__}
    brief = {"recipe": "tiny.yaml", "space": "ecbsr", "trials": 3, "no_rungs": True}

    def search(**options: object) -> nas.SearchRun:
        return nas.api.searching.search(**{**(brief if "budget" in options else {}), **options})  # type: ignore[arg-type]

    return SimpleNamespace(**{**names, "search": search, "train": partial(nas.train, recipe="tiny.yaml", steps=6)})


@pytest.mark.timeout(600)
def test_the_examples_of_the_page_run(
    short: SimpleNamespace,
    tiny_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(PAGE, tiny_data)
    namespace: dict[str, object] = {"nas": short}
    for example in EXAMPLES:
        code = "\n".join(localise(line, tiny_data) for line in example.replace("import nas\n", "").splitlines())
        if "results/first/trained/" in code:
            (trained,) = sorted(Path("results/first/trained").glob("*/weights.safetensors"))[:1]
            code = code.replace("results/first/trained/trial-18", str(trained.parent))
        exec(compile(code, "docs/python.md", "exec"), namespace)
    shown = capsys.readouterr().out
    assert "There is no run 'nothing' in results." in shown
    assert namespace["large"].shape == tuple(2 * side for side in (80, 96))  # type: ignore[attr-defined]
    assert namespace["run"].ended in ("done", "stopped")  # type: ignore[attr-defined]


def test_every_public_function_is_on_the_page() -> None:
    shown = {*re.findall(r"\bnas\.(\w+)", PAGE)}
    functions = {name for name in nas.__all__ if name[0].islower()}
    assert functions <= shown


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/python.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
