"""The options of a search, declared once: command line, request and settings agree."""

import subprocess
import sys
from dataclasses import fields

import pytest

from nas.cli.app import app
from nas.errors import InputError
from nas.objectives import DEFAULT_OBJECTIVES, OBJECTIVES
from nas.search.option import fixed_choices, rung_steps
from nas.search.request import Request, defaults, options
from nas.search.samplers import SAMPLERS
from nas.search.settings import Settings


def test_every_field_of_a_request_is_an_option_of_the_command_but_for_the_plugins() -> None:
    assert {field.name for field in fields(Request)} - options().keys() == {"plugins"}
    search = next(command for command in app.registered_commands if command.name == "search")
    parameters = search.callback.__annotations__  # type: ignore[union-attr]
    assert options().keys() - parameters.keys() == set()


def test_what_a_run_remembers_of_a_request_is_a_setting() -> None:
    assert defaults().keys() - Settings.model_fields.keys() == set()


def test_what_a_new_run_has_by_default_are_valid_settings() -> None:
    assert options()["sampler"].default in SAMPLERS.names()
    assert all(sampler in options()["sampler"].help for sampler in SAMPLERS.names())
    assert options()["objectives"].default_words == ",".join(DEFAULT_OBJECTIVES)
    named = options()["objectives"].help.removeprefix("2 to 4 of ").removesuffix(".").split(", ")
    assert set(named) <= set(OBJECTIVES.names())  # a plugin of another test may have added one
    assert {"psnr", "ssim", "macs", "params", "activations", "convs", "latency", "memory"} <= set(named)


def test_the_options_are_declared_without_pytorch_and_optuna() -> None:
    script = "import sys, nas.search.request; sys.exit(any(name in sys.modules for name in ('torch', 'optuna')))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_an_option_says_its_default() -> None:
    texts = {name: option.text for name, option in options().items()}
    assert texts["seed"] == "Seed of the sampler. Default: 0."
    assert texts["trials"].endswith("Default: 40 on a CPU, 120 on a GPU.")
    assert texts["skip_bad"].endswith("instead of stopping.")


def test_rungs_are_read_in_order() -> None:
    assert rung_steps("100, 300,900") == (100, 300, 900)
    assert rung_steps(None) is None


def test_choices_are_read_as_yaml() -> None:
    assert fixed_choices(["cell1.width=32", "image_skip=true"]) == {"cell1.width": 32, "image_skip": True}
    with pytest.raises(InputError, match=r"--fix cell1\.width lacks a value"):
        fixed_choices(["cell1.width"])
