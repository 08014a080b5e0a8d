import os
import py_compile
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_spaces import SPACES, Architecture, UnknownNameError, load_plugin
from search_spaces.plugins import loaded_plugins
from search_spaces.registry import Registry

SPACE = '''
from torch import nn
from search_spaces import Claim, Published, SearchSpace, register

@register
class Plain(SearchSpace):
    """One convolution before the pixel shuffle."""

    name = "{name}"
    summary = "one convolution"
    smallest = {{"kernel": 1}}
    published = {{"Wide": Published({{"kernel": 3}}, Claim("this file"))}}

    options = {{"kernel": range(1, 4, 2)}}

    def network(self, choices, scale, channels):
        k = choices["kernel"]
        return nn.Sequential(nn.Conv2d(channels, channels * scale**2, k, padding=k // 2), nn.PixelShuffle(scale))
'''


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Return the registry of spaces; its members are restored after the test."""
    SPACES.names()
    monkeypatch.setattr(SPACES, "_members", dict(SPACES._members))
    modules = set(sys.modules)
    yield SPACES
    for name in sys.modules.keys() - modules:
        if name.startswith("nas_plugin_"):
            del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def fruits(package: str = "search_spaces.layers") -> Registry[int]:
    registry: Registry[int] = Registry("fruit", package=package, entry_points="tests.fruits")
    registry.add("apple", 1)
    registry.add("Banana", 2)
    return registry


def test_members_are_found_by_name_and_listed_in_order() -> None:
    registry = fruits()
    assert registry.get("apple") == 1
    assert registry.names() == ["Banana", "apple"]
    assert list(registry) == [2, 1]


@pytest.mark.parametrize(("given", "nearest"), [("aple", "apple"), ("banana", "Banana"), ("APPLE", "apple")])
def test_an_unknown_name_suggests_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError, match=f"There is no fruit named '{given}'; did you mean '{nearest}'"):
        fruits().get(given)


def test_a_name_that_is_near_nothing_lists_what_is_known() -> None:
    with pytest.raises(UnknownNameError, match="known are: Banana, apple"):
        fruits().get("xyz")


def test_a_name_is_registered_once() -> None:
    with pytest.raises(ValueError, match="The fruit 'apple' is registered twice"):
        fruits().add("apple", 3)


def test_every_module_of_the_package_is_imported_at_the_first_look_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "orchard" / "__init__.py", "found = []")
    write(tmp_path / "orchard" / "pear.py", "import orchard\norchard.found.append('pear')")
    write(tmp_path / "orchard" / "plum.py", "import orchard\norchard.found.append('plum')")
    monkeypatch.syspath_prepend(tmp_path)
    registry = fruits("orchard")
    assert "orchard" not in sys.modules
    registry.names()
    registry.names()
    assert sys.modules["orchard"].found == ["pear", "plum"]


def test_a_member_that_cannot_be_imported_is_reported_at_each_look_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "rotten" / "__init__.py", "")
    write(tmp_path / "rotten" / "fig.py", "import nothing_of_that_name")
    monkeypatch.syspath_prepend(tmp_path)
    registry = fruits("rotten")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
            registry.get("apple")


def test_the_shipped_spaces_are_found() -> None:
    assert {"falsr", "moremnas"} <= set(SPACES.names())


def test_a_plugin_file_adds_a_space(spaces: Registry, tmp_path: Path) -> None:
    load_plugin(write(tmp_path / "mine.py", SPACE.format(name="plain")))
    assert "plain" in spaces.names()
    assert sum(p.numel() for p in Architecture.published("plain/Wide").build().parameters()) == 4 * 9 + 4


def test_a_plugin_is_loaded_once(spaces: Registry, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", SPACE.format(name="plain"))
    load_plugin(path)
    load_plugin(tmp_path / "." / "mine.py")
    assert "plain" in spaces.names()


def test_plugins_of_the_same_file_name_are_different_ones(spaces: Registry, tmp_path: Path) -> None:
    for name in ("first", "second"):
        load_plugin(write(tmp_path / name / "space.py", SPACE.format(name=name)))
    assert {"first", "second"} <= set(spaces.names())


@pytest.mark.usefixtures("spaces")
def test_a_plugin_cannot_replace_a_space(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'falsr' is registered twice"):
        load_plugin(write(tmp_path / "mine.py", SPACE.format(name="falsr")))


def test_a_broken_plugin_fails_each_time_until_it_is_mended(spaces: Registry, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", "1 / 0")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load_plugin(path)
    load_plugin(write(path, SPACE.format(name="plain")))
    assert "plain" in spaces.names()


def test_a_plugin_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.py' does not exist"):
        load_plugin(tmp_path / "gone.py")


def test_a_plugin_that_is_not_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"notes\.txt' is not a Python file"):
        load_plugin(write(tmp_path / "notes.txt", "hello"))


def test_an_installed_package_adds_a_space_and_a_proxy_through_its_entry_points(tmp_path: Path) -> None:
    write(tmp_path / "their_space.py", SPACE.format(name="plain"))
    write(
        tmp_path / "their_proxy.py",
        "from proxies import Score, register\n\n@register\nclass Size:\n    name = 'size'\n\n"
        "    def score(self, network, task):\n"
        "        return Score(sum(p.numel() for p in network.parameters()), 'parameters', {})\n",
    )
    information = tmp_path / "their_package-1.0.dist-info"
    write(information / "METADATA", "Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    write(
        information / "entry_points.txt",
        "[nas.search_spaces]\nplain = their_space\n[nas.proxies]\nsize = their_proxy\n",
    )
    script = (
        "from proxies import PROXIES; from search_spaces import SPACES, Architecture; "
        "network = Architecture.published('plain/Wide').build(); "
        "print(SPACES.names(), PROXIES.names(), PROXIES.get('size').score(network, None).value)"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "'plain'" in done.stdout
    assert "'size'" in done.stdout
    assert done.stdout.split()[-1] == "40"


def test_a_broken_entry_point_of_another_package_is_one_warning_and_the_others_remain(tmp_path: Path) -> None:
    write(tmp_path / "their_space.py", SPACE.format(name="plain"))
    write(tmp_path / "their_ruin.py", "import nothing_of_that_name\n")
    write(tmp_path / "their_theft.py", SPACE.format(name="falsr"))
    information = tmp_path / "their_package-1.0.dist-info"
    write(information / "METADATA", "Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    write(
        information / "entry_points.txt",
        "[nas.search_spaces]\na = their_ruin\nb = their_theft\nplain = their_space\nz = their_space:nothing\n",
    )
    script = (
        "import warnings; warnings.simplefilter('always'); from search_spaces import SPACES; "
        "print(*SPACES.names()); print(SPACES.get('plain').name)"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert {"plain", "falsr", "hybrid"} <= set(done.stdout.split())
    told = [line for line in done.stderr.splitlines() if "UserWarning" in line]
    for name, reason in (("a", "No module named"), ("b", "registered twice"), ("z", "has no attribute")):
        (line,) = [line for line in told if f"nas.search_spaces:{name} of the package 'their-package'" in line]
        assert "is left out" in line and reason in line
    assert len(told) == 3


def test_what_is_run_is_the_file_itself_and_nothing_that_was_compiled_beside_it(
    spaces: Registry, tmp_path: Path
) -> None:
    mine, theirs = write(tmp_path / "mine.py", "x = 1\n"), write(tmp_path / "theirs.py", "1 / 0\n")
    compiled = Path(py_compile.compile(str(theirs), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))
    compiled.rename(compiled.with_name(compiled.name.replace("theirs", "mine")))
    assert load_plugin(mine) in loaded_plugins()


def test_a_plugin_is_told_by_its_content(spaces: Registry, tmp_path: Path) -> None:
    first = load_plugin(write(tmp_path / "mine.py", SPACE.format(name="plain")))
    again = load_plugin(write(tmp_path / "copy.py", SPACE.format(name="plain")))
    assert (first.sha256, again.name) == (again.sha256, "copy.py")
    with pytest.raises(ValueError, match="its content has changed since it was allowed"):
        load_plugin(write(tmp_path / "mine.py", SPACE.format(name="other")), first.sha256)
    assert "other" not in spaces.names()
