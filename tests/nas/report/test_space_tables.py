from rich.console import Console

from nas.cost import cost
from nas.report.space_tables import architectures, show_values, space_tables, spaces_data
from search_spaces import SPACES, Architecture
from search_spaces.narrowed import NarrowedSpace

MORE = SPACES.get("moremnas")
FEW = NarrowedSpace(MORE, {name: values[:1] for name, values in MORE.parameters().items() if name != "cell1.width"})


def printed(*tables: object) -> str:
    console = Console(width=160)
    with console.capture() as captured:
        for table in tables:
            console.print(table)
    return captured.get()


def test_counts_are_exact_where_they_are_short() -> None:
    assert architectures(FEW) == "4"
    assert architectures(NarrowedSpace(MORE, {"cell1.width": (16, 32)})) == "at most 5.4e15"


def test_choices_that_differ_by_a_number_stand_together() -> None:
    choices, _ = space_tables(MORE)
    text = printed(choices)
    assert "│ cell1.width … cell7.width (7)" in text and "cell2.width" not in text
    assert "image_skip" in text and "at each of x2, x3, x4" in text


def test_choices_that_were_narrowed_apart_stand_apart() -> None:
    text = printed(*space_tables(NarrowedSpace(MORE, {"cell3.width": (16, 32)})))
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in text.splitlines() if "│" in line]
    assert ["cell1.width … cell7.width (6)", "16, 32, 48, 64"] in rows
    assert ["cell3.width", "16, 32"] in rows
    assert "Choices of 'moremnas' as narrowed" in text


def test_published_points_stand_with_our_count_beside_the_papers() -> None:
    text = printed(*space_tables(MORE))
    row = next(line for line in text.splitlines() if "MoreMNAS-C" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "MoreMNAS-C x2", "x2, HR 1280x720", "25,001", "5.544G", "25K", "5.5G", "37.06"
    ]  # fmt: skip


def test_a_space_whose_points_are_all_out_shows_its_choices_alone() -> None:
    assert len(list(space_tables(FEW))) == 1


def test_many_numbers_are_shown_by_their_ends() -> None:
    assert show_values(range(16, 257, 8)) == "16 to 256 in steps of 8"
    assert show_values(range(1, 9)) == "1 to 8"
    assert show_values(range(16, 65, 16)) == "16, 32, 48, 64"
    assert show_values(("conv", "group", False)) == "conv, group, False"


def test_spaces_are_plain_data() -> None:
    data = spaces_data([MORE], with_costs=True)["moremnas"]
    assert data["architectures"] == MORE.count() and data["at_most"] is False
    assert data["choices"]["cell1.width"] == [16, 32, 48, 64] and data["held_fixed"] == {"image_skip": True}
    point = data["published"]["MoreMNAS-C"]
    assert point["macs"] == cost(Architecture.published("moremnas/MoreMNAS-C")).macs
    assert point["paper"]["psnr"] == 37.06
    assert "macs" not in spaces_data([MORE], with_costs=False)["moremnas"]["published"]["MoreMNAS-C"]
