"""The option --plugin of every command: its files run, and may run here from then on."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

_GIVEN = "nas.plugins.given"


def given_plugins(context: typer.Context) -> tuple[str, ...] | None:
    """Return the files that were given before and after the name of the command; None without any."""
    return context.meta.get(_GIVEN)


def _give(context: typer.Context, files: list[str] | None) -> list[str] | None:
    if files:
        from nas.plugins.given import give_plugins

        give_plugins(files)
        context.meta[_GIVEN] = (*context.meta.get(_GIVEN, ()), *files)
    return files


PluginFiles = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        callback=_give,
        help="Python file with your own spaces, proxies, losses or metrics. It may run here from then on.",
    ),
]


def with_plugins(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes --plugin in addition to its own options."""

    @functools.wraps(command)
    def taking(*arguments: Any, plugin: PluginFiles = None, **options: Any) -> None:
        command(*arguments, **options)

    signature = inspect.signature(command)
    added = inspect.Parameter("plugin", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=PluginFiles)
    taking.__signature__ = signature.replace(parameters=[*signature.parameters.values(), added])  # type: ignore[attr-defined]
    taking.__annotations__ = {**command.__annotations__, "plugin": PluginFiles}
    return taking
