from rich.console import Console

from nas.report.space_list import in_digits, spaces_table
from search_spaces import SPACES
from search_spaces.index import Listed


def test_every_space_is_listed_with_what_it_is_and_how_large() -> None:
    console = Console(width=160)
    with console.capture() as captured:
        console.print(spaces_table(map(Listed.of, SPACES)))
    text = captured.get()
    assert all(f"│ {space.name} " in text for space in SPACES)
    assert SPACES.get("moremnas").summary in text and "5.4e15" in text and "MoreMNAS-C, MoreMNAS-D" in text


def test_counts_are_exact_where_they_are_short() -> None:
    assert [in_digits(960), in_digits(34_560), in_digits(2 * 10**24)] == ["960", "34,560", "2.0e24"]
