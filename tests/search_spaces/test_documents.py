"""YAML and JSON are read as plain data, within limits, and an error is one short sentence."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.documents import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VALUES,
    DocumentError,
    parse_json,
    parse_yaml,
    place_of,
    read_json,
    read_yaml,
    shown,
    to_yaml,
)


def read(text: str | bytes) -> Any:
    return parse_yaml(text, "a.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-1_000", -1000),
        ("0x1F", 31),
        ("1e-5", 1e-5),
        ("2.0e-4", 2e-4),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("yes", True),
        ("Off", False),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("010", "010"),
        ("1:30", "1:30"),
        ("2024-01-31", "2024-01-31"),
        ("2024-13-01", "2024-13-01"),
        ("<<", "<<"),
        ("2 + 0.2 scale", "2 + 0.2 scale"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ('"K\\udce4lte"', "K\udce4lte"),
    ],
)
def test_words_stand_for_numbers_truth_values_and_texts(text: str, value: object) -> None:
    found = read(f"a: {text}")["a"]
    assert found == value and type(found) is type(value)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbfa: 1") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nspace: !!timestamp x", "a.yaml, line 2: the tag !!timestamp isn't read; leave it out."),
        ("!!python/name:os.system", "a.yaml, line 1: the tag !!python/name:os.system isn't read; leave it out."),
        ("name: &a [*a]", "a.yaml, line 1: aliases (&name, *name) aren't read; write the value out."),
        ("a: 1\nb: *a", "a.yaml, line 2: aliases (&name, *name) aren't read; write the value out."),
        ("[" * 3000, f"a.yaml, line 1: lists and mappings are nested more than {MAX_DEPTH} deep."),
        ("- " * 3000, f"a.yaml, line 1: lists and mappings are nested more than {MAX_DEPTH} deep."),
        (f"[{'0,' * MAX_VALUES}]", f"a.yaml, line 1: there are more than {MAX_VALUES:,} values."),
        (b"a: 1\nb: K\xe4lte", "a.yaml is not UTF-8 (line 2 holds the byte 0xE4); save it as UTF-8."),
        ("a: 1\n\n\x00", "a.yaml is not a YAML document (line 3: the character U+0000 is not allowed in text)."),
        ('a: "\\0"', "a.yaml, line 1: the character U+0000 is not allowed in text."),
        ("a: 1\nb: 2\na: 3", "a.yaml, line 3: 'a' is given twice."),
        ("? [1]\n: 2", "a.yaml, line 1: a list or a mapping can't name a value."),
        ("a: " + "1" * 26, f"a.yaml, line 1: the number {'1' * 26} is too large."),
        ("a: 1e400", "a.yaml, line 1: the number 1e400 is too large."),
        ("a\n---\nb", "a.yaml, line 2: a second document begins."),
        ("width: [1", "a.yaml is not a YAML document (line 1: did not find expected ',' or ']')."),
        ("a" * (MAX_BYTES + 1), f"a.yaml is too long for a YAML document: it has more than {MAX_BYTES:,} bytes."),
    ],
)
def test_what_is_not_read_is_said_with_its_line(text: str | bytes, sentence: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(text)
    assert str(error.value) == sentence


def test_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    for reader in (read_yaml, read_json):
        with pytest.raises(DocumentError, match=rf"^There is no file {path}\.$"):
            reader(path)
        with pytest.raises(DocumentError, match=rf"^{tmp_path} can't be read \(Is a directory\)\.$"):
            reader(tmp_path)
    path.write_text("{")
    with pytest.raises(DocumentError, match=rf"^{path} is not a YAML document \(line 1: "):
        read_yaml(path)
    with pytest.raises(DocumentError, match=rf"^{path} is not a JSON document \(line 1: "):
        read_json(path)


HUNGRY = """
import resource, sys
from pathlib import Path
import torch
from search_spaces.documents import DocumentError, read_yaml
before = resource.getrusage(resource.RUSAGE_SELF)
for path in sys.argv[1:]:
    try:
        read_yaml(Path(path))
    except DocumentError as error:
        assert len(str(error)) < 200, error
after = resource.getrusage(resource.RUSAGE_SELF)
print(after.ru_utime - before.ru_utime, (after.ru_maxrss - before.ru_maxrss) // 1024)
"""


def test_documents_that_would_take_all_memory_take_none(tmp_path: Path) -> None:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    bombs = {
        "aliases": "a0: &a0 [x, x, x, x]\n" + "\n".join(levels),
        "brackets": "[" * MAX_BYTES,
        "commas": f"[{',' * (MAX_BYTES - 2)}",
        "values": f"[{'a, ' * (MAX_BYTES // 3 - 1)}]",
        "too long": "a" * 50_000_000,
    }
    for name, text in bombs.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-c", HUNGRY, *(str(tmp_path / name) for name in bombs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    seconds, mebibytes = map(float, done.stdout.split())
    assert seconds < 5 and mebibytes < 100


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")))
odd = st.sampled_from(["1e5", "1E+5", ".5", "010", "yes", "~", "1:30", "2024-01-01", "<<", "=", "0x1F", "K\udce4"])
numbers = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts | odd,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc1e:- ", max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_is_written_is_read(data: object) -> None:
    assert read(to_yaml(data)) == data


def test_what_is_in_two_places_is_written_twice() -> None:
    same = [1, 2]
    assert read(to_yaml({"a": same, "b": same})) == {"a": [1, 2], "b": [1, 2]}


def test_json_is_refused_in_one_sentence() -> None:
    for text, problem in (
        ("[" * 100_000, "is not a JSON document that can be read: it nests too deeply"),
        ('{"a": 1,\n}', "is not a JSON document (line 2: "),
        (b"\xff\xfe\x00", "is not a JSON document"),
        ("1" * 5000, "is not a JSON document (its text or a number in it can't be read)"),
    ):
        with pytest.raises(DocumentError) as error:
            parse_json(text, "metrics.json")
        assert str(error.value).startswith(f"metrics.json {problem}") and len(str(error.value)) < 200


def test_values_are_shown_in_one_short_line() -> None:
    assert shown("yes") == "'yes'" and shown(3) == "3" and shown([1, "a"]) == "[1, 'a']"
    for value in ("x" * 10**6, list(range(10**5)), {i: [i] * 9 for i in range(10**4)}, 10**400, "a\nb\x07\udce4"):
        assert len(shown(value)) <= 80 and shown(value).isprintable()
    assert place_of(("stages", 0, "share")) == "stages.0.share"
    assert len(place_of(("x" * 1000, "y" * 1000))) <= 80
