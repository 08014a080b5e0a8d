"""Every number on the command line has a smallest and a largest value; beyond them nothing is begun."""

import inspect
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from nas.cli.app import app

from .conftest import run_nas


def commands(of: typer.Typer, *words: str) -> Iterator[tuple[tuple[str, ...], Callable[..., Any]]]:
    for info in of.registered_commands:
        assert info.callback is not None
        yield (*words, info.name or info.callback.__name__), info.callback
    for group in of.registered_groups:
        assert group.typer_instance is not None and group.name is not None
        yield from commands(group.typer_instance, *words, group.name)


def numbers() -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Yield each numeric option with the command that has it, its required words given."""
    for words, callback in commands(app):
        hints, needed, found = typing.get_type_hints(callback, include_extras=True), list(words), []
        for name, parameter in inspect.signature(callback).parameters.items():
            kind, *notes = get_args(hints[name]) or (hints[name],)
            option = f"--{name.replace('_', '-')}"
            if {int, float} & {kind, *get_args(kind)}:
                found.append((option, notes[0]))
            elif parameter.default is inspect.Parameter.empty and kind is not typer.Context:
                is_option = any(isinstance(note, typer.models.OptionInfo) for note in notes)
                needed += [option, "x"] if is_option else ["x"]
        for option, info in found:
            yield tuple(needed), option, info


NUMBERS = [pytest.param(*number, id=f"{' '.join(number[0][:2])} {number[1]}") for number in numbers()]


def test_the_options_are_found() -> None:
    assert len(NUMBERS) > 30
    assert {"search", "train", "evaluate", "upscale", "dashboard", "data", "proxies", "benchmark"} <= {
        words[0] for words, _, _ in numbers()
    }


@pytest.mark.parametrize(("words", "option", "info"), NUMBERS)
def test_a_number_that_is_none_or_beyond_its_bounds(
    words: tuple[str, ...], option: str, info: typer.models.OptionInfo, tmp_path: Path
) -> None:
    wrong = ["nan", "-inf", "1e99", "-1", "-5.5", "1" * 30, "x", ""]
    wrong += ["0"] if info.callback or (info.min or 0) > 0 else []
    for value in wrong:
        ended = run_nas(tmp_path, *words, option, value)
        assert ended.code == 2, (option, value, ended)
        assert option in ended.error and (value[:20] in ended.error)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("time", ["-1s", "nan", "1e99h", "9" * 400 + "h", "9000h", "١٢s"])
def test_a_time_that_is_none(time: str, tmp_path: Path) -> None:
    ended = run_nas(tmp_path, "search", "--budget", "8G-MACs", "--time", time)
    assert ended.code == 2 and "20m or 2h." in ended.error
    assert list(tmp_path.iterdir()) == []
