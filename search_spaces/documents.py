"""Read and write YAML and JSON as plain data, within limits: people edit these documents, and disks may damage them.

Documents hold mappings, lists, strings, numbers, truth values and null. A YAML document may hold neither aliases (a
kilobyte of them can stand for gigabytes) nor tags, and dates stay strings. Every problem raises a DocumentError: one
short sentence that names the document and the line.
"""

import json
import re
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from search_spaces.scalars import FLOAT, scalar

MAX_BYTES = 1 << 20
"""Maximum size of a YAML document, in bytes. The longest document of the package has 4 KB."""

MAX_JSON_BYTES = 1 << 26
"""Maximum size of a JSON document, in bytes. Only programs write JSON."""

MAX_DEPTH = 50
"""Maximum depth of nested lists and mappings."""

MAX_VALUES = 50_000
"""Maximum number of values in a YAML document."""

_SHOWN = 80
"""Maximum number of characters of a value in an error."""

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no YAML document may hold."""

_ODD = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\udc80-\udcff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no value may hold. Python decodes file names that aren't UTF-8 with the surrogates dc80 to dcff."""

_TAG = "tag:yaml.org,2002:"


class DocumentError(ValueError):
    """A document can't be read. The message is one sentence that names the document, the line and the problem."""


def read_yaml(path: Path) -> object:
    """Return the content of a YAML file in UTF-8. Raises DocumentError, also for a file that doesn't exist."""
    return parse_yaml(_content(path, MAX_BYTES), str(path))


def parse_yaml(text: str | bytes, what: str) -> object:
    """Return the content of a YAML document; `what` names it in errors. Raises DocumentError."""
    if len(text) > MAX_BYTES:
        raise DocumentError(f"{what} is too long for a YAML document: it has more than {MAX_BYTES:,} bytes.")
    plain = _decoded(text, what).removeprefix("\ufeff")
    if found := _UNREADABLE.search(plain):
        place = f"line {plain.count(chr(10), 0, found.start()) + 1}: the character U+{ord(found[0]):04X}"
        raise DocumentError(f"{what} is not a YAML document ({place} is not allowed in text).")
    try:
        return _Reader(_events(plain), what).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # libyaml reports a document that ends too early on the line after its last line.
        place = f"line {min(mark.line, plain.rstrip().count(chr(10))) + 1}: " if mark else ""
        problem = error.problem or error.context or "it ends too early"
        raise DocumentError(f"{what} is not a YAML document ({place}{_one_line(problem)}).") from None
    except yaml.YAMLError as error:
        raise DocumentError(f"{what} is not a YAML document ({_one_line(str(error))}).") from None


def to_yaml(data: object) -> str:
    """Return plain data as a YAML document that `parse_yaml` reads back the same."""
    return yaml.dump(data, Dumper=_Writer, sort_keys=False)


def read_json(path: Path, most: int = MAX_JSON_BYTES) -> Any:
    """Return the content of a JSON file of at most `most` bytes. Raises DocumentError."""
    return parse_json(_content(path, most), str(path))


def parse_json(text: str | bytes, what: str) -> Any:
    """Return the content of a JSON document; `what` names it in errors. Raises DocumentError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DocumentError(f"{what} is not a JSON document (line {error.lineno}: {error.msg}).") from None
    except RecursionError:
        raise DocumentError(f"{what} is not a JSON document that can be read: it nests too deeply.") from None
    except ValueError:  # bytes that aren't Unicode, or a number with thousands of digits
        raise DocumentError(f"{what} is not a JSON document (its text or a number in it can't be read).") from None


def shown(value: object) -> str:
    """Return a value as errors show it: in one short line, however long the value is."""
    return shortened(_BRIEF.repr(value))


def shortened(text: str, most: int = _SHOWN) -> str:
    """Return a text as errors show it: in one line. A long text keeps its beginning and its end."""
    if len(text) > most:
        text = f"{text[: most - most // 4 - 1]}…{text[-(most // 4) :]}"
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def place_of(names: tuple[int | str, ...]) -> str:
    """Return the place of a value in a document: `stages.0.share`."""
    return shortened(".".join(shortened(str(name)) for name in names))


def _content(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise DocumentError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise DocumentError(f"{path} can't be read ({getattr(error, 'strerror', None) or error}).") from None
    if len(content) > most:
        raise DocumentError(f"{path} is too long: it has more than {most:,} bytes.")
    return content


def _decoded(text: str | bytes, what: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        line, byte = text.count(b"\n", 0, error.start) + 1, text[error.start]
        raise DocumentError(
            f"{what} is not UTF-8 (line {line} holds the byte 0x{byte:02X}); save it as UTF-8."
        ) from None


def _events(text: str) -> Iterator[yaml.Event]:
    # libyaml is ten times faster, but can't read the escapes of file names that aren't UTF-8.
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = yaml.SafeLoader if re.search(r"\\u[dD][cC]", text) else fast
    events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
    return events


class _Reader:
    """Builds the values of one document from its events, and stops at the first value that breaks a limit."""

    def __init__(self, events: Iterator[yaml.Event], what: str) -> None:
        self._events = events
        self._what = what
        self._values = 0

    def document(self) -> object:
        """Return the document; None if it is empty."""
        value = None
        begun = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if begun:
                    raise self._error(event, "a second document begins")
                begun = True
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, 1)
        return value

    def _value(self, event: Any, depth: int) -> object:
        self._values += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._error(event, "aliases (&name, *name) aren't read; write the value out")
        if self._values > MAX_VALUES:
            raise self._error(event, f"there are more than {MAX_VALUES:,} values")
        if event.tag is not None:
            raise self._error(event, f"the tag {shortened(event.tag.replace(_TAG, '!!'))} isn't read; leave it out")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth > MAX_DEPTH:
            raise self._error(event, f"lists and mappings are nested more than {MAX_DEPTH} deep")
        return self._list(depth) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(depth)

    def _list(self, depth: int) -> list[object]:
        values = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, depth: int) -> dict[object, object]:
        mapping: dict[object, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._value(event, depth + 1)
            if isinstance(name, list | dict):
                raise self._error(event, "a list or a mapping can't name a value")
            if name in mapping:
                raise self._error(event, f"{shown(name)} is given twice")
            mapping[name] = self._value(next(self._events), depth + 1)
        return mapping

    def _scalar(self, event: Any) -> object:
        text: str = event.value
        if found := _ODD.search(text):
            raise self._error(event, f"the character U+{ord(found[0]):04X} is not allowed in text")
        if not event.implicit[0]:  # quoted, or a block of text
            return text
        try:
            return scalar(text)
        except ValueError:
            raise self._error(event, f"the number {shortened(text)} is too large") from None

    def _error(self, event: Any, problem: str) -> DocumentError:
        return DocumentError(f"{self._what}, line {event.start_mark.line + 1}: {problem}.")


class _Writer(yaml.SafeDumper):
    """Writes documents that `_Reader` reads: no aliases, and quotes around strings that look like numbers."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out."""
        return True


_Writer.add_implicit_resolver(_TAG + "float", re.compile(rf"^(?:{FLOAT.pattern})$"), list("-+.0123456789"))


def _escaped(letter: str) -> str:
    return " " if letter.isspace() else letter.encode("unicode_escape").decode()


class _Brief(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = _SHOWN


_BRIEF = _Brief()


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
