"""Text on a terminal: printed literally, whatever characters it contains and the terminal can show."""

import re
from typing import Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

PLAIN = str.maketrans(
    {
        "·": "-",
        "…": "...",
        "×": "x",
        "–": "-",
        "±": "+-",
        "²": "2",
        "³": "3",
        "½": "1/2",
        "→": "->",
        "↓": "(less is better)",
        "━": "#",
        "─": "-",
    }
)
"""Replacements of characters of our own texts for terminals and logs that can't show them."""

NAME_WIDTH = 10
"""Minimum width of a name in a table, in columns; a narrower table is printed as a list."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def readable(text: str, encoding: str = "utf-8") -> str:
    """Return `text` in characters that an output of this encoding can show.

    Escaped as `\\xe4` are bytes of file names that are not UTF-8, control characters, which could steer the terminal,
    and characters that the encoding lacks.
    """
    text = _CONTROLS.sub(_escaped, text)
    if encoding.startswith("utf"):
        return text
    try:
        return text.translate(PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:  # an encoding that Python doesn't know
        return text.translate(PLAIN).encode("ascii", "backslashreplace").decode("ascii")


def drawable(text: str) -> str:
    """Return `text` for Matplotlib, which can't draw broken characters and takes `$` for the start of a formula."""
    return readable(text).replace("$", r"\$")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that it can't decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class LiteralConsole(Console):
    """A console that prints text literally: brackets, colons and numbers are never markup, also in tables."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)

    def render_str(self, text: str, **how: Any) -> Text:
        """Return a line, a cell or a title as rich text."""
        return super().render_str(readable(text, self.encoding), **how)

    def show(self, table: Table) -> None:
        """Print a table. On a terminal that is too narrow, print a list with a line for each figure of a row."""
        for column in table.columns:
            column.min_width = least_width(column)
        if 1 + sum(3 + (column.min_width or 0) for column in table.columns) <= self.width:
            self.print(table, soft_wrap=False)
            return
        if table.title:
            self.print(table.title)
        headers = [str(column.header).replace("\n", " ") for column in table.columns]
        for name, *figures in zip(*(column.cells for column in table.columns), strict=True):
            self.print(name or "-")
            for header, figure in zip(headers[1:], figures, strict=True):
                if figure:
                    self.print(f"  {header}: {_in_line(figure)}" if header else f"  {_in_line(figure)}")


def least_width(column: Column) -> int:
    """Return the minimum width of a column: figures are kept whole, names and words fold after `NAME_WIDTH`."""
    cells = [str(cell) for cell in (column.header, *column.cells)]
    if column.no_wrap:
        return max(len(line) for cell in cells for line in cell.split("\n"))
    return min(NAME_WIDTH, max(len(word) for cell in cells for word in [*cell.split(), ""]))


def _in_line(cell: object) -> str:
    return str(cell).replace("\n", " ")
