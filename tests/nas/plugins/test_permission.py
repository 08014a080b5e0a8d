import json
from pathlib import Path

import pytest

from nas.plugins import permission
from nas.plugins.permission import allow, digest, is_allowed, permission_file


@pytest.fixture(autouse=True)
def another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets what was given to this process, as a later one does."""
    monkeypatch.setattr(permission, "_GIVEN", set())


@pytest.mark.usefixtures("later")
def test_what_was_allowed_once_is_allowed_to_later_processes_by_its_content_and_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow("plugins", digest("a"), "/mine.py")
    allow("plugins", digest("b"), "/ours.py")
    monkeypatch.setattr(permission, "_GIVEN", set())
    assert is_allowed("plugins", digest("a")) and is_allowed("plugins", digest("b"))
    assert not is_allowed("plugins", digest("c"))
    assert not is_allowed("latency_commands", digest("a"))


@pytest.mark.usefixtures("later")
def test_it_is_remembered_for_its_user_alone_in_words(tmp_path: Path) -> None:
    allow("latency_commands", digest("bench {model}"), "bench {model}")
    file = permission_file()
    assert file == tmp_path / "settings" / "infrared-sr-nas" / "allowed.json"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert json.loads(file.read_text()) == {"latency_commands": {digest("bench {model}"): "bench {model}"}}


@pytest.mark.usefixtures("later")
def test_what_a_process_may_do_for_itself_alone_is_not_remembered() -> None:
    allow("plugins", digest("a"), "/mine.py", remember=False)
    assert is_allowed("plugins", digest("a"))
    assert not permission_file().exists()


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("content", ["", "{", "[]", '{"plugins": []}', '{"plugins": {}}', "[" * 9999, "\udce4"])
def test_a_damaged_file_allows_nothing_and_is_replaced(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    permission_file().parent.mkdir(parents=True)
    permission_file().write_text(content, errors="surrogateescape")
    assert not is_allowed("plugins", digest("a"))
    allow("plugins", digest("a"), "/mine.py")
    monkeypatch.setattr(permission, "_GIVEN", set())
    assert is_allowed("plugins", digest("a"))


@pytest.mark.usefixtures("later")
def test_where_nothing_can_be_written_it_is_allowed_this_once_and_said(tmp_path: Path) -> None:
    (tmp_path / "settings").write_text("a file")
    with pytest.warns(UserWarning, match=r"/mine\.py must be given again next time, since .*allowed\.json can't be"):
        allow("plugins", digest("a"), "/mine.py")
    assert is_allowed("plugins", digest("a"))
