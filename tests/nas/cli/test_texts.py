"""What a user types or writes into a file, wrong in the ways that used to end in a traceback or in another meaning."""

from pathlib import Path

import pytest

from .conftest import Refused

SEARCH = ("search", "--space", "fsrcnn", "--budget", "10G-MACs", "--trials", 1)

FILES = {
    "a.yaml": b"space: !!timestamp x\nscale: 2\nchannels: 1\nchoices: {}\n",
    "c.yaml": b"name: &a [*a]\n",
    "d.yaml": b"[" * 3000,
    "e.yaml": b"base: brief\nname: K\xe4lte\n",
    "f.yaml": b"base: brief\nname: y\nsteps: yes\n",
    "g.yaml": b"base: brief\nname: y\nseed: -1\n",
    "h.yaml": b"base: brief\nname: 2024-13-01\nsteps: 0\n",
}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("cost", "a.yaml"), "a.yaml, line 1: the tag !!timestamp isn't read; leave it out."),
        (
            ("search", "--budget", "1G-MACs", "--space", "c.yaml"),
            "c.yaml, line 1: aliases (&name, *name) aren't read; write the value out.",
        ),
        (("cost", "d.yaml"), "d.yaml, line 1: lists and mappings are nested more than 50 deep."),
        ((*SEARCH, "--recipe", "e.yaml"), "e.yaml is not UTF-8 (line 2 holds the byte 0xE4); save it as UTF-8."),
        (
            ("train", "ecbsr/M4C8", "--recipe", "f.yaml"),
            "f.yaml: the field 'steps' is wrong: Input should be a valid integer.",
        ),
        (
            ("train", "ecbsr/M4C8", "--recipe", "g.yaml"),
            "g.yaml: the field 'seed' is wrong: Input should be greater than or equal to 0.",
        ),
        (
            ("train", "ecbsr/M4C8", "--recipe", "h.yaml"),
            "h.yaml: the field 'steps' is wrong: Input should be greater than 0.",
        ),
        (
            (*SEARCH, "--fix", "width=[1"),
            "The value of --fix width is not a YAML document (line 1: did not find expected ',' or ']').",
        ),
        ((*SEARCH, "--seed", -1), "Invalid value for '--seed': it should be greater than or equal to 0, not '-1'."),
        (
            ("search", "--budget", "1" * 26 + "ms"),
            f"A budget must be at most 1000000000 ms, not '{'1' * 26}ms'.",
        ),
        ((*SEARCH, "--time", "9" * 400 + "h"), f"'{'9' * 59}…{'9' * 19}h' is not a time; write it as 90s, 20m or 2h."),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    refused: Refused, tmp_path: Path, arguments: tuple[object, ...], sentence: str
) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert refused(*arguments) == sentence
