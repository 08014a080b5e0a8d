"""The list of all commands of `nas`, and the exit codes of their errors."""

import os
import warnings
from collections.abc import Callable
from typing import Annotated

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from nas.cli import DONE, FAILED, INTERRUPTED, WRONG
from nas.cli.benchmark import build, replay
from nas.cli.exporting import export
from nas.cli.hand_made import hand_made
from nas.cli.help import AsciiCommand, AsciiGroup
from nas.cli.look import check, cost, dashboard, preview, spaces, targets
from nas.cli.models import evaluate, import_
from nas.cli.plugins import PluginFiles, with_plugins
from nas.cli.proxies import proxies, rank
from nas.cli.runs import front, runs, search, worker
from nas.cli.terminal import say
from nas.cli.training import train
from nas.cli.upscaling import upscale
from nas.errors import InputError, RunError, StoppedError
from nas.report.progress import NOTES
from nas.version import __version__
from search_spaces.choices import SpaceError
from search_spaces.registry import UnknownNameError

app = typer.Typer(
    cls=AsciiGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _add(to: typer.Typer, *commands: Callable[..., None]) -> None:
    for command in commands:
        # `import_`, since `import` is a keyword of Python; `hand_made` becomes `hand-made`.
        name = command.__name__.rstrip("_").replace("_", "-")
        to.command(name, cls=AsciiCommand)(with_plugins(command))


_add(
    app,
    search,
    worker,
    runs,
    front,
    train,
    hand_made,
    evaluate,
    export,
    upscale,
    cost,
    targets,
    spaces,
    dashboard,
    import_,
)

data_app = typer.Typer(cls=AsciiGroup, no_args_is_help=True, help="Look at a folder of images.")
_add(data_app, check, preview)
app.add_typer(data_app, name="data")

proxies_app = typer.Typer(cls=AsciiGroup)
proxies_app.callback(invoke_without_command=True, cls=AsciiGroup)(proxies)
_add(proxies_app, rank)
app.add_typer(proxies_app, name="proxies")

benchmark_help = "Compare searches on a table of trained architectures."
benchmark_app = typer.Typer(cls=AsciiGroup, no_args_is_help=True, help=benchmark_help)
_add(benchmark_app, build, replay)
app.add_typer(benchmark_app, name="benchmark")


def run() -> int:
    """Run the command in `sys.argv`, print an error in one sentence, and return the exit code."""
    warnings.showwarning = lambda message, *_args, **_kwargs: NOTES.print(f"Note: {message}")
    warnings.filterwarnings("ignore", module="torch|optuna|onnx.*")
    try:
        code = app(prog_name="nas", standalone_mode=False)
    except TyperException as error:
        return _wrong_usage(error)
    except (InputError, SpaceError, UnknownNameError) as error:
        where = f" (process {os.environ['RANK']})" if NOTES.quiet else ""  # the main process may not have this error
        NOTES.quiet = False
        NOTES.print(f"Error{where}: {error}")
        return WRONG
    except RunError as error:
        NOTES.print(f"Error: {error}")
        return INTERRUPTED if isinstance(error, StoppedError) else FAILED
    if code == INTERRUPTED:  # Typer turns KeyboardInterrupt into this code
        raise KeyboardInterrupt
    return code if isinstance(code, int) else DONE


def _wrong_usage(error: TyperException) -> int:
    """Print an error of the command's arguments; without any arguments, the message is the help."""
    message = error.format_message()
    if message.startswith("Usage: "):
        NOTES.print(message)
    else:
        sentence = " ".join(message.split()).replace("Input should be", "it should be")
        if isinstance(error.__cause__, ValidationError):  # Typer's own sentence lacks the value
            sentence = f"{sentence.rstrip('.')}, not '{error.__cause__.errors()[0]['input']}'."
        NOTES.print(f"Error: {sentence}{'' if sentence.endswith(('.', '?')) else '.'}")
    return error.exit_code


@app.callback(cls=AsciiGroup, invoke_without_command=True, no_args_is_help=True)
def options(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Search super-resolution networks for infrared cameras, within a compute budget."""
    if show:
        say(__version__)
        raise typer.Exit
