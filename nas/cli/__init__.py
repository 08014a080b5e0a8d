"""The command `nas`: parse, call, print. This file lists its commands; the others hold one group of them each."""

import os
import sys
import warnings
from typing import Annotated

import typer

from nas import __version__
from nas.cli.benchmark import build, replay
from nas.cli.look import check, cost, dashboard, preview, spaces
from nas.cli.models import evaluate, export, import_, train, upscale
from nas.cli.plugins import PluginFiles, with_plugins
from nas.cli.proxies import proxies, rank
from nas.cli.runs import front, search, worker
from nas.cli.terminal import OUT
from nas.errors import InputError, RunError
from nas.report.progress import NOTES
from search_spaces import SpaceError, UnknownNameError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
for command in (search, worker, front, train, evaluate, export, upscale, cost, spaces, dashboard):
    app.command()(with_plugins(command))

app.command("import")(with_plugins(import_))  # a word of Python

data_app = typer.Typer(no_args_is_help=True, help="Look at a folder of images.")
data_app.command()(with_plugins(check))
data_app.command()(with_plugins(preview))
app.add_typer(data_app, name="data")

proxies_app = typer.Typer()
proxies_app.callback(invoke_without_command=True)(proxies)
proxies_app.command()(with_plugins(rank))
app.add_typer(proxies_app, name="proxies")

benchmark_app = typer.Typer(no_args_is_help=True, help="Compare searches on a table of trained architectures.")
benchmark_app.command()(with_plugins(build))
benchmark_app.command()(with_plugins(replay))
app.add_typer(benchmark_app, name="benchmark")


def main() -> None:
    """Run the command line; what a user did wrong ends with one sentence and exit code 2, a failure with 1."""
    warnings.showwarning = lambda message, *_args, **_kwargs: NOTES.print(f"Note: {message}", markup=False)
    warnings.filterwarnings("ignore", module="torch|optuna|onnx.*")
    try:
        app()
    except (InputError, SpaceError, UnknownNameError) as error:
        where = f" (process {os.environ['RANK']})" if NOTES.quiet else ""  # what the main process may know nothing of
        NOTES.quiet = False
        NOTES.print(f"Error{where}: {error}", markup=False)
        sys.exit(2)
    except RunError as error:
        NOTES.print(f"Error: {error}", markup=False)
        sys.exit(1)


@app.callback(invoke_without_command=True, no_args_is_help=True)
def options(
    show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Search super-resolution networks for infrared cameras, within a compute budget."""
    if show:
        OUT.print(__version__)
        raise typer.Exit
