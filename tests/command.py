"""Runs the command line in the process of a test."""

import contextlib
import io
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from nas.cli import main


@dataclass(frozen=True)
class Outcome:
    """The exit code and the output of a command."""

    code: int
    out: str
    errors: str

    @property
    def error(self) -> str:
        """Return the error of a refused command, which must be a single sentence."""
        line, *others = self.errors.splitlines()
        assert others == [], self.errors
        assert line.startswith("Error: ") and line[-1] in ".?", line
        return line.removeprefix("Error: ")


def run_nas(folder: Path, *arguments: object) -> Outcome:
    """Run `nas` in a folder, in this process, since starting a process takes seconds; a traceback fails the test."""
    out, errors, before = io.StringIO(), io.StringIO(), (sys.argv, torch.get_num_threads())
    sys.argv = ["nas", *map(str, arguments)]
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.chdir(folder))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(errors))
            stack.enter_context(warnings.catch_warnings())
            main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = before[0]
        torch.set_num_threads(before[1])
    return Outcome(code, out.getvalue(), errors.getvalue())
