import re
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from nas.errors import InputError
from nas.plugins import permission
from nas.plugins.given import give_plugins, granted, inherit, need_plugins
from search_spaces.plugins import Plugin, loaded_plugins


@pytest.fixture(autouse=True)
def another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.setattr(permission, "_GIVEN", set())


def write(path: Path, text: str) -> Plugin:
    """Write a file of a content that no other test has, and return it as a run names it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# {path}\n{text}\n")
    return Plugin(str(path), permission.digest(path.read_text()))


def test_what_nobody_allowed_is_neither_run_nor_looked_at(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    plugin = write(tmp_path / "nobody allowed.py", f"open({str(mark)!r}, 'w')")
    for named in (plugin, Plugin("/no/such/file.py", "0" * 64), Plugin("\0" * 9999, "1" * 64)):
        with pytest.raises(InputError, match=r"'first' would execute .*, which was not allowed here and was not run"):
            need_plugins([named], "first")
    assert not mark.exists()
    (given,) = give_plugins([plugin.path])
    assert given == plugin and mark.exists()
    need_plugins([plugin], "first")


def test_a_path_of_somebody_else_gives_the_terminal_no_commands() -> None:
    with pytest.raises(InputError) as refusal:
        need_plugins([Plugin("/a\x1b[2J\nError: none.py", "0" * 64)], "first")
    assert str(refusal.value).isprintable()


def test_a_file_of_the_same_name_and_another_content_is_refused(tmp_path: Path) -> None:
    began, other = write(tmp_path / "a" / "same.py", "x = 1"), write(tmp_path / "b" / "same.py", "x = 2")
    give_plugins([other.path])
    sentence = f"The plugin {other.path} is not the same.py that the run 'first' began with"
    with pytest.raises(InputError, match=re.escape(sentence)):
        need_plugins([began], "first")


def test_a_file_that_was_changed_or_lost_since_it_was_allowed_says_what_to_give(tmp_path: Path) -> None:
    plugin = write(tmp_path / "changed.py", "x = 1")
    permission.allow("plugins", plugin.sha256, plugin.path)
    write(tmp_path / "changed.py", "x = 2")
    with pytest.raises(
        InputError, match=r"changed\.py can't be loaded: its content has changed .*: give its path with --plugin FILE"
    ):
        need_plugins([plugin], "first")
    Path(plugin.path).unlink()
    with pytest.raises(
        InputError,
        match=r"changed\.py' does not exist; the run 'first' needs .*: give its path with --plugin FILE",
    ):
        need_plugins([plugin], "first")
    assert plugin not in loaded_plugins()


def test_a_process_inherits_what_may_run_in_the_one_that_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = write(tmp_path / "mine.py", "x = 1")
    give_plugins([plugin.path])
    permission.allow("latency_commands", permission.digest("bench {model}"), "bench {model}", remember=False)
    permissions = granted()
    Path(plugin.path).write_text("1 / 0")  # what runs there is what runs here
    monkeypatch.setattr(permission, "_GIVEN", set())
    permission.permission_file().unlink()
    inherit(permissions)
    assert plugin in loaded_plugins()
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=inherit, initargs=(permissions,)) as pool:
        assert plugin in pool.submit(loaded_plugins).result()
    assert permission.is_allowed("latency_commands", permission.digest("bench {model}"))
    assert permission.is_allowed("plugins", plugin.sha256)
    assert not permission.permission_file().exists()


@pytest.mark.parametrize(
    ("text", "reason"), [("1 / 0", "division by zero"), ("raise KeyError", "KeyError"), ("x =", "invalid syntax")]
)
def test_a_file_that_fails_is_named_in_one_sentence_and_not_allowed(tmp_path: Path, text: str, reason: str) -> None:
    plugin = write(tmp_path / "broken.py", text)
    with pytest.raises(InputError, match=rf"^The plugin {plugin.path} can't be loaded: {reason}"):
        give_plugins([plugin.path])
    assert not permission.is_allowed("plugins", plugin.sha256)
