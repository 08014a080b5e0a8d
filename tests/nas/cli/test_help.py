"""What `--help` shows: plain text that fits 80 columns, in groups where there is much of it."""

import re
from pathlib import Path

import pytest
import typer
from typer.core import TyperOption

from nas.cli.app import app
from nas.cli.help import MOST_UNGROUPED, groups

from .conftest import run_nas

ADD = {"--csv", "--lpips-weights", "--pictures", "--plugin", "--table", "--under"}
"""Options that add something: without them there is none of it."""

PERMIT = {("worker", "--latency-command")}


def commands(command: object, *words: str) -> list[tuple[tuple[str, ...], object]]:
    found = [(words, command)]
    for name, other in getattr(command, "commands", {}).items():
        found += commands(other, *words, name)
    return found


ALL = commands(typer.main.get_command(app))


def shown(folder: Path, *words: str) -> str:
    ended = run_nas(folder, *words, "--help")
    assert (ended.code, ended.errors) == (0, "")
    return ended.out


def section(text: str, title: str) -> str:
    return re.split(r"\n\n", text.partition(f"\n{title}:\n")[2])[0]


def test_options_stand_in_titled_groups_in_the_order_of_the_signature(tmp_path: Path) -> None:
    text = shown(tmp_path, "train")
    titles = re.findall(r"^(\w.*):$", text, flags=re.MULTILINE)
    assert titles == ["Arguments", "Networks", "Training", "Images", "Where it runs", "Other options"]
    assert re.findall(r"--[\w-]+", section(text, "Images")) == ["--data", "--degradation", "--counts", "--skip-bad"]
    assert text.startswith("Usage: nas train [OPTIONS] RUN|ARCH...\n")


def test_a_command_with_few_options_has_one_list(tmp_path: Path) -> None:
    text = shown(tmp_path, "front")
    assert re.findall(r"^(\w.*):$", text, flags=re.MULTILINE) == ["Arguments", "Options"]
    assert text.startswith("Usage: nas front [OPTIONS] RUN\n")
    assert "  --under BUDGET  Also name the best network within this budget" in text
    assert "e.g. 50G-MACs. Repeatable." in " ".join(text.split())


def test_an_option_says_what_it_takes_and_its_default_and_a_flag_neither(tmp_path: Path) -> None:
    text = shown(tmp_path, "benchmark", "replay")
    assert re.search(r"--seeds N +Searches by each sampler. Default: 10.\n", text)
    assert "--published / --no-published Try the published networks first" in " ".join(text.split())
    assert "as a search does. Default: --published." in " ".join(text.split())
    assert re.search(r"--json +Print JSON instead of a table.\n", text)
    assert re.search(r"--data DIR +Folder of images. Required.\n", shown(tmp_path, "evaluate"))


def test_the_list_of_commands_cuts_no_sentence_short(tmp_path: Path) -> None:
    text = " ".join(shown(tmp_path).split())
    assert "..." not in text.partition("Commands:")[2]
    assert (
        "export Export a model: architecture, weights, ONNX and the recipe to train it again; each is verified." in text
    )


@pytest.mark.parametrize("words", [words for words, _ in ALL], ids=" ".join)
def test_help_is_ascii_and_fits_80_columns(words: tuple[str, ...], tmp_path: Path) -> None:
    text = shown(tmp_path, *words)
    assert text.isascii() and "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(("words", "command"), [(w, c) for w, c in ALL if w != ("search",)], ids=str)
def test_every_option_is_a_sentence_with_a_default_and_many_are_grouped(
    words: tuple[str, ...], command: object
) -> None:
    options = [option for option in command.params if isinstance(option, TyperOption)]  # type: ignore[attr-defined]
    for option in options:
        assert option.help and option.help[0].isalnum() and option.help.endswith("."), option.opts
        says_it = "Default: " in option.help or option.required or option.is_flag or option.default is not None
        assert says_it or option.opts[0] in ADD or (words[0], option.opts[0]) in PERMIT, option.opts
    if len(options) > MOST_UNGROUPED:
        assert len(groups(options)) > 3
