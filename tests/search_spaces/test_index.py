"""The list of spaces that is read without loading the spaces agrees with the spaces."""

import shutil
import subprocess
import sys
from pathlib import Path

from search_spaces.index import FAMILIES, INDEX

DOTS = Path(__file__).parents[1] / "spaces" / "dots.py"


def python(code: str) -> str:
    """Run Python in a new process."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_the_index_is_what_the_spaces_tell() -> None:
    code = (
        "from search_spaces.index import is_complete, listed_spaces, loaded_spaces, INDEX\n"
        "assert is_complete()\n"
        "listed = listed_spaces()\n"
        "import sys; assert 'torch' not in sys.modules\n"
        "print(listed == loaded_spaces())"
    )
    assert python(code) == "True", "write it again with python -m search_spaces.index"


def test_writing_the_index_gives_the_file_that_is_there(tmp_path: Path) -> None:
    for file in FAMILIES.glob("*.py"):
        shutil.copy(file, tmp_path)
    code = (
        f"from pathlib import Path; from search_spaces.index import *; write_index(Path({str(tmp_path)!r}) / 'i.json')"
    )
    python(code)
    assert (tmp_path / "i.json").read_bytes() == INDEX.read_bytes()


def test_an_index_is_not_used_where_a_family_was_added(tmp_path: Path) -> None:
    index, added = tmp_path / "index.json", tmp_path / "mine.py"
    code = (
        "from pathlib import Path; from search_spaces.index import is_complete, write_index\n"
        f"index, added = Path({str(index)!r}), Path({str(added)!r})\n"
        "answers = [is_complete(index)]\n"
        "write_index(index); answers.append(is_complete(index))\n"
        "added.touch(); answers.append(is_complete(index))\n"
        "print(answers)"
    )
    assert python(code) == "[False, True, False]"


def test_the_spaces_of_a_plugin_are_listed_too() -> None:
    code = (
        "from pathlib import Path\n"
        "from search_spaces.index import listed_spaces\n"
        "from search_spaces.plugins import load_plugin\n"
        f"load_plugin(Path({str(DOTS)!r}))\n"
        "print('dots' in [space.name for space in listed_spaces()])"
    )
    assert python(code) == "True"
